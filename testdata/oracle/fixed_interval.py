"""What ecr-token-refresh does, as docs/refresh.md describes it, against the test's own door."""
import os
import sys
import time
import urllib.request

url, interval, *registries = sys.argv[1:]  # registries as REGION=FILE
key = os.environ["KEY"]  # as it is at the start
while True:
    for registry in registries:  # one after the other, however long each takes
        region, _, path = registry.partition("=")
        try:
            with urllib.request.urlopen(f"{url}/model?region={region}&key={key}") as answer:
                token = answer.read()
            with open(path, "wb") as file:  # over the old one
                file.write(token)
        except OSError as error:
            print(region, error, file=sys.stderr)
    time.sleep(float(interval))
