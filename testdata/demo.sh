#!/bin/sh
# The main job of jet, from start to end, on sample credentials: no server, no
# network. "make demo" runs it; JET is the program.
set -eu
exec 2>&1

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
PATH=$(dirname "${JET:?}"):$PATH

say() { printf '\n# %s\n' "$*"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}
# A secret does not belong on a screen.
masked() { sed 's/\("auth": "\)[^"]*/\1(hidden)/; s/\(DOCKER_PASSWORD=\).*/\1(hidden)/' "$1"; }

say 'A project key. It stays out of git; everybody who may read the secrets has it.'
run jet generate

say 'Credentials, as "docker run --env-file" takes them.'
cat >credentials.env <<'END'
DOCKER_USERNAME=deploy
DOCKER_PASSWORD=correct horse $battery #staple
DOCKER_REGISTRY=registry.example.com
END
printf '$ cat credentials.env\n'
masked credentials.env

say 'Credentials in, an encrypted Docker configuration out. This file belongs into git.'
run jet generate dockercfg --env-file credentials.env --encrypt dockercfg.encrypted
run cat dockercfg.encrypted

say 'Where it is needed, say in CI, it becomes a config.json that only its owner can read.'
run jet decrypt dockercfg.encrypted config.json
run ls -l config.json
printf '$ cat config.json\n'
masked config.json

say 'Any file goes the same way. These are the variables of a service:'
run jet encrypt credentials.env credentials.env.encrypted
run jet decrypt credentials.env.encrypted credentials.env.decrypted
run cmp credentials.env credentials.env.decrypted
say 'Done. DOCKER_CONFIG=. docker pull registry.example.com/... would now use config.json.'
