#!/usr/bin/env bash
# One would guess: what OHIF imports measurements of a structured report with (Cornerstone3D's adapters) takes the place of a measurement group from
# where template 1410 of PS3.16 has it, the group's Image Region, and the value with its name and unit.
# Seen: a group with a region and a number is dropped, with no more than a warning in the console; the same group without any number is imported. Where there is a
# number, only a point below the first one (INFERRED FROM) counts. That number becomes the value of a probe, which stands for that of the pixel: a
# volume of 214 mm3 is "214", with neither name nor unit. A group that refers to a segment (template 1411) is dropped too.
# Matters: a report by the book shows no findings, or numbers that look like HU. Repeat the region as a point below the first number, give what
# was measured of a segment a group of its own, and say the values in a Comment (121106), which becomes the label.
# npm @cornerstonejs/adapters, core, tools 5.14.0, bundled by esbuild 0.25.12, node 20. Output seen:
#   region: Probe without a value
#   region and volume: nothing
#   region and volume with its own point: Probe 214
#   segment and volume: nothing
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
echo '{"private": true}' > package.json
npm install --silent --ignore-scripts --no-audit --no-fund --legacy-peer-deps @cornerstonejs/{adapters,core,tools,metadata,utils}@5.14.0 @kitware/vtk.js@36.4.1 @babel/runtime@7.28.2 dcmjs@0.52.2 gl-matrix@3.4.3 esbuild@0.25.12 > /dev/null
cat > finding.mjs <<'JS'
import { adaptersSR } from "@cornerstonejs/adapters";
import { metaData } from "@cornerstonejs/core";

const code = (CodeValue, CodingSchemeDesignator, CodeMeaning) => ({ CodeValue, CodingSchemeDesignator, CodeMeaning });
const item = (ValueType, name, rest) => ({ ValueType, ConceptNameCodeSequence: code(...name), ...rest });
const reference = (ReferencedSOPClassUID, ReferencedSOPInstanceUID, rest) => ({ ReferencedSOPSequence: { ReferencedSOPClassUID, ReferencedSOPInstanceUID, ...rest } });
const point = (...name) => item("SCOORD", name, { GraphicType: "POINT", GraphicData: [10.5, 20.5], ContentSequence: { ValueType: "IMAGE", ...reference("1.2.840.10008.5.1.4.1.1.2", "2.25.1") } });
const volume = (...children) => item("NUM", ["118565006", "SCT", "Volume"], {
  MeasuredValueSequence: { NumericValue: 214, MeasurementUnitsCodeSequence: code("mm3", "UCUM", "cubic millimeter") }, ...(children.length && { ContentSequence: children }),
});
const region = point("111030", "DCM", "Image Region");
const segment = item("IMAGE", ["121191", "DCM", "Referenced Segment"], reference("1.2.840.10008.5.1.4.1.1.66.4", "2.25.2", { ReferencedSegmentNumber: 1 }));
const report = (...items) => ({
  ContentTemplateSequence: { TemplateIdentifier: "1500" },
  ContentSequence: [item("CONTAINER", ["126010", "DCM", "Imaging Measurements"], {
    ContentSequence: [item("CONTAINER", ["125007", "DCM", "Measurement Group"], {
      ContentSequence: [item("TEXT", ["112039", "DCM", "Tracking Identifier"], { TextValue: "n1" }), item("UIDREF", ["112040", "DCM", "Tracking Unique Identifier"], { UID: "2.25.3" }), ...items],
    })],
  })],
});
metaData.addProvider((kind) => kind === "imagePlaneModule"
  ? { frameOfReferenceUID: "2.25.4", rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], rowPixelSpacing: 1, columnPixelSpacing: 1, imagePositionPatient: [0, 0, 0] } : undefined);
console.log = console.warn = () => {};
for (const [what, ...items] of [
  ["region", region], ["region and volume", region, volume()], ["region and volume with its own point", region, volume(point("121112", "DCM", "Source of Measurement"))], ["segment and volume", segment, volume()],
]) {
  const found = Object.entries(adaptersSR.Cornerstone3D.MeasurementReport.generateToolState(report(...items), { "2.25.1:1": "image" }, metaData));
  const list = found.flatMap(([tool, all]) => all.map((m) => `${tool} ${Object.values(m.annotation.data.cachedStats)[0]?.value || "without a value"}`));
  process.stdout.write(`${what}: ${list.join(", ") || "nothing"}\n`);
}
JS
npx esbuild finding.mjs --bundle --platform=node --format=cjs --log-level=error --outfile=finding.cjs
node finding.cjs 2> /dev/null | tee out
grep -qx 'region: Probe without a value' out
grep -qx 'region and volume: nothing' out
grep -qx 'region and volume with its own point: Probe 214' out
grep -qx 'segment and volume: nothing' out
