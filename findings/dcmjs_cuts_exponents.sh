#!/usr/bin/env bash
# One would guess: a number too long for a decimal string (DS, 16 characters) is rounded when dcmjs writes it.
# Seen: its text is cut at 16 characters, exponent and all: the cosine of 90 degrees, 6.123233995736766e-17 in floating point,
# is written as 6.12323399573676. A warning on the console speaks of truncating.
# Matters: ImageOrientationPatient computed with sines and cosines holds such values in every reformatted series and derived
# object, so a viewer shows them askew or refuses them. Round direction cosines before they are written.
# npm dcmjs 0.52.2. Output seen:
#   ImageOrientationPatient 6.12323399573676\1\0\0\0\-1
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
  _meta: {}, SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
  ImageOrientationPatient: [Math.cos(Math.PI / 2), 1, 0, 0, 0, -1],
});
const back = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(file.write()).dict);
console.log("ImageOrientationPatient " + back.ImageOrientationPatient.join("\\"));
JS
node finding.mjs 2>/dev/null | tee out
grep -qxF 'ImageOrientationPatient 6.12323399573676\1\0\0\0\-1' out
