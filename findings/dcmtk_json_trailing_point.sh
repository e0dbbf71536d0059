#!/usr/bin/env bash
# One would guess: dcm2json, which takes care to write a decimal string (DS) of 007 as 7 and of +.5 as 0.5, writes JSON.
# Seen: a DS of 1. or 1.E3, which the standard allows and C programs write with "%#g", is put in as it is. JSON wants a digit after the
# point, so the file is refused as a whole; dcm2json says nothing and exits with 0. Its man page offers no option against it.
# Matters: one slice thickness breaks the metadata of an instance, and only for the series of one device.
# Debian 12 dcmtk 3.6.7-9~deb12u4. Output seen:
#   007 is written as 7: JSON
#   +.5 is written as 0.5: JSON
#   1. is written as 1.: no JSON
#   1.E3 is written as 1.E3: no JSON
set -euo pipefail
[ "$(dpkg-query -W -f '${Version}' dcmtk)" = 3.6.7-9~deb12u4 ] || { echo "needs dcmtk 3.6.7-9~deb12u4 of Debian 12"; exit 1; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
for value in 007 +.5 1. 1.E3; do
	cat > ct.dump <<DUMP
(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2
(0008,0018) UI 2.25.1
(0018,0050) DS $value
DUMP
	dump2dcm +te ct.dump ct.dcm
	dcm2json ct.dcm ct.json
	echo "$value is written as $(grep -A 4 '"00180050"' ct.json | sed -n '4s/ //gp'): $(python3 -m json.tool ct.json >/dev/null 2>&1 && echo JSON || echo no JSON)"
done | tee out
diff out - <<'SEEN'
007 is written as 7: JSON
+.5 is written as 0.5: JSON
1. is written as 1.: no JSON
1.E3 is written as 1.E3: no JSON
SEEN
