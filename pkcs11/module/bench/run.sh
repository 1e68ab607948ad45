#!/bin/sh
# Measures libthingward-pkcs11.so beside SoftHSM, in one run: the same program, the same machine, one after the other, ROUNDS times.
#
#	make module build && pkcs11/module/bench/run.sh
#	OBJECTS=10000 SECONDS_EACH=5 ROUNDS=3 pkcs11/module/bench/run.sh
#
# SoftHSM is Debian's softhsm2. Tokens are made anew in a temporary directory.
set -eu
cd "$(dirname "$0")/../../.."
objects=${OBJECTS:-10000} each=${SECONDS_EACH:-5} rounds=${ROUNDS:-3}
softhsm=${SOFTHSM:-/usr/lib/softhsm/libsofthsm2.so}
ours=$PWD/bin/libthingward-pkcs11.so
[ -e "$ours" ] || { echo "run make build module first" >&2; exit 1; }
[ -e "$softhsm" ] || { echo "install softhsm2, or name its library in SOFTHSM" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -pthread -o "$dir/bench" pkcs11/module/bench/bench.c

export THINGWARD_TOKEN_CONF="$dir/token.toml" THINGWARD_TOKEN_PIN=1234 THINGWARD_TOKEN_SO_PIN=12345678
bin/thingward token init --label bench --file "$dir/bench.token" >/dev/null
mkdir "$dir/softhsm"
export SOFTHSM2_CONF="$dir/softhsm.conf"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir/softhsm" > "$SOFTHSM2_CONF"
softhsm2-util --init-token --free --label bench --pin 1234 --so-pin 12345678 >/dev/null

echo "== thingward, $objects objects"; "$dir/bench" "$ours" prepare "$objects"
echo "== SoftHSM, $objects objects"; "$dir/bench" "$softhsm" prepare "$objects"
for round in $(seq "$rounds"); do
  echo "== thingward, round $round"; "$dir/bench" "$ours" measure "$each"
  echo "== SoftHSM, round $round"; "$dir/bench" "$softhsm" measure "$each"
done
