#!/usr/bin/env bash
# One would guess: dcmjs writes PixelPaddingValue, whose VR is "US or SS", as SS where PixelRepresentation says signed.
# Seen: always as US. -2000, as GE scanners pad CT, is written with VR US and read back as 63536; the same for Smallest and
# LargestImagePixelValue. A warning on the console names the VR, not the element.
# Matters: after a pass through dcmjs (a viewer's export, an anonymiser) the padding of a signed CT is no longer found by readers
# that trust the VR, and what lies outside the field of view counts as tissue of -2000.
# npm dcmjs 0.52.2. Output seen:
#   PixelPaddingValue: -2000 in, VR US, 63536 out
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund dcmjs@0.52.2 >/dev/null
cat > finding.mjs <<'JS'
import dcmjs from "dcmjs";

const { DicomMetaDictionary, DicomDict, DicomMessage } = dcmjs.data;
const file = new DicomDict(DicomMetaDictionary.denaturalizeDataset({
  MediaStorageSOPClassUID: "1.2.840.10008.5.1.4.1.1.2", MediaStorageSOPInstanceUID: "2.25.1",
  TransferSyntaxUID: "1.2.840.10008.1.2.1", ImplementationClassUID: "2.25.2",
}));
file.dict = DicomMetaDictionary.denaturalizeDataset({
  _meta: {}, SOPClassUID: "1.2.840.10008.5.1.4.1.1.2", PixelRepresentation: 1, PixelPaddingValue: -2000,
});
const element = DicomMessage.readFile(file.write()).dict["00280120"];
console.log(`PixelPaddingValue: -2000 in, VR ${element.vr}, ${element.Value[0]} out`);
JS
node finding.mjs 2>/dev/null | grep '^PixelPaddingValue' | tee out
grep -qx 'PixelPaddingValue: -2000 in, VR US, 63536 out' out
