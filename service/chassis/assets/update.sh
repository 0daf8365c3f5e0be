#!/bin/bash
# update.sh VERSION: takes Swagger UI of that version from the npm registry, compressed as it will be served.
# The files are committed: neither a build nor a running service needs the network.
set -euo pipefail
version=${1:?write the version, for example 5.35.0}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
cd "$work"
tar xzf "$(npm pack --silent "swagger-ui-dist@$version")"
cd package
gzip -9n swagger-ui-bundle.js swagger-ui.css
cp swagger-ui-bundle.js.gz swagger-ui.css.gz swagger-ui-bundle.js.LICENSE.txt LICENSE NOTICE "$here/swagger-ui/"
printf '%s\n' "$version" >"$here/swagger-ui/VERSION"
