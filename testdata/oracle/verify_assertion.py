"""Verify the assertion that a service account signed, by PyJWT: its first argument.

stdin holds the PEM of the public key, a blank line and the assertion. What is not
right ends the program with an error; else it prints the claims.
"""

import json
import sys
import time

import jwt

audience, issuer, key_id = sys.argv[1:]
pem, assertion = sys.stdin.read().split("\n\n")
header = jwt.get_unverified_header(assertion.strip())
assert header == {"alg": "RS256", "typ": "JWT", "kid": key_id}, header
claims = jwt.decode(
    assertion.strip(),
    pem,
    algorithms=["RS256"],
    audience=audience,
    issuer=issuer,
    options={"require": ["exp", "iat", "iss", "aud"]},
)
assert claims["exp"] - claims["iat"] == 3600, claims
assert abs(claims["iat"] - time.time()) < 60, claims
print(json.dumps(claims, sort_keys=True))
