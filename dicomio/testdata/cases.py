#!/usr/bin/python3
"""Writes CT series as users have sent them and neighbouring projects have had them reported: a folder each.

    dicomio/testdata/cases.py NODULESCOPE OUT

They are made of a synthetic scan (`nodulescope phantom`). readers.py tells how each is read. Needs Debian's
python3-pydicom and python3-numpy; dcmtk for those that it compresses or lists."""
import copy, glob, gzip, io, os, shutil, struct, subprocess, sys, tempfile, warnings, zipfile

import numpy
import pydicom
from pydicom.encaps import encapsulate

warnings.simplefilter('ignore')
program, out = sys.argv[1], sys.argv[2]
SLICES = 24
with tempfile.TemporaryDirectory() as place:
    subprocess.run([program, 'phantom', place + '/ph', '--seed', '7', '--slices', str(SLICES), '--size', '96', '--count', '1'], check=True, capture_output=True)
    scan = sorted((pydicom.dcmread(f) for f in glob.glob(place + '/ph/*.dcm')), key=lambda d: float(d.ImagePositionPatient[2]))
STEP = float(scan[1].ImagePositionPatient[2]) - float(scan[0].ImagePositionPatient[2])
number = 0


def another(d, **elements):
    """A copy that is an image of its own, with a UID in no order."""
    global number
    number += 1
    d = copy.deepcopy(d)
    d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = '2.25.7.%d' % (number * 7919 % 100003)
    d.InstanceNumber = number
    for name, value in elements.items():
        setattr(d, name, value)
    return d


def moved(d, mm):
    x, y, z = (float(v) for v in d.ImagePositionPatient)
    d.ImagePositionPatient = ['%g' % x, '%g' % y, '%.3f' % (z + mm)]
    return d


def untimed(d, **elements):
    d = another(d, **{'SliceThickness': STEP, **elements})
    for name in 'AcquisitionDate', 'AcquisitionTime', 'ContentDate', 'ContentTime':
        if name in d:
            delattr(d, name)
    return d


def aside(d, mm):
    d = another(d)
    x, y, z = d.ImagePositionPatient
    d.ImagePositionPatient = ['%g' % (float(x) + mm), y, z]
    return d


def turned(d, row, col, start, step, i):
    """The same pixels on another grid: directions, place of the first image, step from image to image."""
    d = another(d, ImageOrientationPatient=list(row) + list(col))
    d.ImagePositionPatient = ['%.4f' % (a + i * b) for a, b in zip(start, step)]
    return d


def denser(d, hu):
    d.PixelData = (d.pixel_array + hu).astype('<i2').tobytes()
    return d


def sharper(d):
    """As of a kernel with more detail: what differs from the four pixels around it, three times."""
    p = d.pixel_array.astype(float)
    around = sum(numpy.roll(p, step, axis) for step in (-1, 1) for axis in (0, 1)) / 4
    d.PixelData = numpy.clip(p + 2 * (p - around), 0, 4095).astype('<i2').tobytes()
    return d


def highest(d, slices):
    """The maximum intensity projection of slices."""
    d.PixelData = numpy.max([s.pixel_array for s in slices], axis=0).astype('<i2').tobytes()
    return d


def without(d, name):
    delattr(d, name)
    return d


def renamed(b):
    """The file with the transfer syntax 1.2.840.10008.1.2 in its meta information."""
    return b.replace(b'UI\x14\x001.2.840.10008.1.2.1\0', b'UI\x14\x001.2.840.10008.1.2\0\0\0', 1)


def encoded(d):
    f = io.BytesIO()
    d.save_as(f, write_like_original=False)
    return f.getvalue()


def before(b, tag, what):
    at = b.index(struct.pack('<HH', *tag))
    return b[:at] + what + b[at:]


def implicit(group, element, value):
    return struct.pack('<HHI', group, element, len(value)) + value


def item(value, length=0xFFFFFFFF):
    return struct.pack('<HHI', 0xFFFE, 0xE000, length) + value + (struct.pack('<HHI', 0xFFFE, 0xE00D, 0) if length == 0xFFFFFFFF else b'')


REFERENCE = implicit(8, 0x1150, b'1.2.840.10008.5.1.4.1.1.2\0') + implicit(8, 0x1155, b'1.2.3.4\0')
SEQUENCE_END = struct.pack('<HHI', 0xFFFE, 0xE0DD, 0)
UNDEFINED = b'\0\0\xff\xff\xff\xff'


def implicit_meta(d):
    d = copy.deepcopy(d)
    d.is_implicit_VR = True
    f = pydicom.filebase.DicomBytesIO()
    f.is_little_endian = f.is_implicit_VR = True
    pydicom.filewriter.write_dataset(f, d)
    uid = str(d.SOPInstanceUID).encode()
    uid += b'\0' * (len(uid) % 2)
    meta = implicit(2, 2, b'1.2.840.10008.5.1.4.1.1.2\0') + implicit(2, 3, uid) + implicit(2, 0x10, b'1.2.840.10008.1.2\0')
    return b'\0' * 128 + b'DICM' + implicit(2, 0, struct.pack('<I', len(meta))) + meta + f.getvalue()


def lossless(a, bits):
    """JPEG lossless, first predictor, of so many bits."""
    h, w = a.shape
    counts = [0] * 16
    counts[4] = 17
    head = (b'\xff\xd8\xff\xc3' + struct.pack('>HBHHB', 11, bits, h, w, 1) + b'\x01\x11\x00\xff\xc4' + struct.pack('>HB', 36, 0) +
            bytes(counts) + bytes(range(17)) + b'\xff\xda' + struct.pack('>H', 8) + b'\x01\x01\x00\x01\x00\x00')
    code = []
    for y in range(h):
        for x in range(w):
            d = int(a[y, x]) - (int(a[y, x - 1]) if x else int(a[y - 1, 0]) if y else 1 << bits - 1)
            k = abs(d).bit_length()
            code.append(format(k, '05b') + (format(d if d >= 0 else d + (1 << k) - 1, '0%db' % k) if k else ''))
    code = ''.join(code)
    code += '1' * (-len(code) % 8)
    b = head + int(code, 2).to_bytes(len(code) // 8, 'big').replace(b'\xff', b'\xff\0') + b'\xff\xd9'
    return b + b'\0' * (len(b) % 2)


def short_codes(d, bits, signed):
    a = numpy.clip(d.pixel_array, 0, (1 << bits) - 1).astype('u2')
    d = another(d, BitsStored=16, HighBit=15, PixelRepresentation=signed)
    d.file_meta.TransferSyntaxUID = '1.2.840.10008.1.2.4.70'
    d.PixelData = encapsulate([lossless(a, bits)])
    d['PixelData'].is_undefined_length = True
    return d


cases = {}


def case(name):
    def add(make):
        cases[name] = make
        return make
    return add


# Images that do not belong together.
case('two phases, by Acquisition Time')(lambda: [another(d, AcquisitionTime='100000') for d in scan] + [denser(another(d, AcquisitionTime='100130'), 100) for d in scan])
case('two phases, by Temporal Position')(lambda: [another(d, TemporalPositionIdentifier=1) for d in scan] + [denser(another(d, TemporalPositionIdentifier=2), 100) for d in scan])
case('two phases, by Trigger Time')(lambda: [another(d, TriggerTime='0') for d in scan] + [denser(another(d, TriggerTime='400'), 100) for d in scan])
case('two phases, told apart by nothing')(lambda: [another(d, InstanceNumber=None) for d in scan] + [denser(another(d, InstanceNumber=None), 100) for d in scan])
case('two kernels')(lambda: [another(d, ConvolutionKernel='B30f') for d in scan] + [sharper(another(d, ConvolutionKernel='B70f')) for d in scan])
case('a second pass, half a slice further')(lambda: [another(d, AcquisitionNumber=1) for d in scan] + [moved(another(d, AcquisitionNumber=2), STEP / 2) for d in scan])
case('a second pass, half a slice further, by Instance Number')(lambda: [untimed(d) for d in scan] + [denser(moved(untimed(d), STEP / 2), 100) for d in scan])
case('a second pass, 0.5 mm further, by Instance Number')(lambda: [untimed(d) for d in scan] + [denser(moved(untimed(d), 0.5), 100) for d in scan])
case('a second pass, 0.8 mm further, told apart by nothing')(lambda: [untimed(d, InstanceNumber=None) for d in scan] + [denser(moved(untimed(d, InstanceNumber=None), 0.8), 100) for d in scan])
case('slices that overlap by half')(lambda: [untimed(scan[i // 2]) if i % 2 == 0 else moved(untimed(scan[i // 2]), STEP / 2) for i in range(2 * SLICES)])
case('a second pass, 0.02 mm further')(lambda: [another(d, AcquisitionNumber=1) for d in scan] + [moved(another(d, AcquisitionNumber=2), 0.02) for d in scan])
case('thick MIP among thin slices')(lambda: [another(d, SliceThickness=STEP) for d in scan] + [highest(moved(another(d, SliceThickness=10, ImageType=['DERIVED', 'SECONDARY', 'AXIAL', 'MIP']), 1.5 * STEP), scan[i:i + 4]) for i, d in enumerate(scan) if i % 4 == 0])
case('original and a derived copy')(lambda: [another(d, ImageType=['ORIGINAL', 'PRIMARY', 'AXIAL']) for d in scan] + [denser(another(d, ImageType=['DERIVED', 'PRIMARY', 'AXIAL']), 50) for d in scan])
case('two dual-energy images, by KVP')(lambda: [another(d, KVP='80') for d in scan] + [denser(another(d, KVP='140'), 30) for d in scan])
case('two patients, one image of the other')(lambda: [another(d, PatientID='B' if i == 7 else 'A') for i, d in enumerate(scan)])
case('two patients at the same positions')(lambda: [another(d, PatientID='A') for d in scan] + [denser(another(d, PatientID='B'), 100) for d in scan])
case('five phases, numbered position by position')(lambda: [denser(untimed(d, AcquisitionNumber=None), 10 * phase) for d in scan for phase in range(5)])
case('five phases, numbered phase by phase')(lambda: [denser(untimed(d, AcquisitionNumber=None), 10 * phase) for phase in range(5) for d in scan])
case('two fields of view')(lambda: [another(d, PixelSpacing=['%g' % (float(v) * f) for v in d.PixelSpacing]) for d in scan for f in (1, 0.6)])
case('two stations that overlap by three slices, by Instance Number')(lambda: [untimed(d, AcquisitionNumber=None) for d in scan[:13]] + [denser(untimed(d, AcquisitionNumber=None), 60) for d in scan[10:]])
# Images that do, although something differs.
case('no frame of reference in half of the images')(lambda: [another(d, FrameOfReferenceUID='' if i % 2 else d.FrameOfReferenceUID) for i, d in enumerate(scan)])
case('pixel spacing rounded in half of the images')(lambda: [another(d, PixelSpacing=['%.2f' % v for v in d.PixelSpacing] if i % 2 else d.PixelSpacing) for i, d in enumerate(scan)])
case('tube voltage as it was measured')(lambda: [another(d, KVP='119.9' if i % 2 else '120') for i, d in enumerate(scan)])
case('three key images, by Image Type')(lambda: [another(d, ImageType=['ORIGINAL', 'PRIMARY', 'AXIAL'] + ['KEY'] * (i in (4, 11, 18))) for i, d in enumerate(scan)])
# Places.
case('the second half 20 mm aside')(lambda: [aside(d, 20 * (i >= 12)) for i, d in enumerate(scan)])
case('one slice 20 mm aside')(lambda: [aside(d, 20 * (i == 9)) for i, d in enumerate(scan)])
case('every image at another place of its plane')(lambda: [aside(d, i * 5 % 7 * 5) for i, d in enumerate(scan)])
case('a slice is missing, its neighbours 1.8 spacings apart')(lambda: [moved(another(d), -0.2 * STEP * (i > 9)) for i, d in enumerate(scan) if i != 9])
case('a slice is missing')(lambda: [d for i, d in enumerate(scan) if i != 9])
case('every second slice of half the scan is missing')(lambda: [d for i, d in enumerate(scan) if i < 12 or i % 2])
case('irregular by 0.4 mm')(lambda: [moved(another(d), 0.4 * (i % 3 == 1)) for i, d in enumerate(scan)])
case('two images at one position')(lambda: scan + [another(scan[5])])
case('InstanceNumber and names against the order')(lambda: [another(d, InstanceNumber=SLICES - i) for i, d in enumerate(scan)])
case('coronal')(lambda: [turned(d, (1, 0, 0), (0, 0, -1), (-100, -100, 50), (0, STEP, 0), i) for i, d in enumerate(scan)])
case('sagittal')(lambda: [turned(d, (0, 1, 0), (0, 0, -1), (-100, -100, 50), (STEP, 0, 0), i) for i, d in enumerate(scan)])
case('oblique by 20 degrees')(lambda: [turned(d, (1, 0, 0), (0, 0.9396926, 0.3420201), (-100, -100, 0), (0, -0.3420201 * STEP, 0.9396926 * STEP), i) for i, d in enumerate(scan)])
case('gantry tilt of 15 degrees')(lambda: [turned(d, (1, 0, 0), (0, 0.9659258, 0.2588190), (-100, -100, 0), (0, 0, STEP), i) for i, d in enumerate(scan)])
case('prone')(lambda: [turned(d, (-1, 0, 0), (0, -1, 0), (100, 100, 0), (0, 0, STEP), i) for i, d in enumerate(scan)])
case('decubitus')(lambda: [turned(d, (0, -1, 0), (1, 0, 0), (-100, 100, 0), (0, 0, STEP), i) for i, d in enumerate(scan)])
case('feet first, mirrored')(lambda: [turned(d, (-1, 0, 0), (0, 1, 0), (100, -100, 0), (0, 0, -STEP), i) for i, d in enumerate(scan)])
case('oblique coronal')(lambda: [turned(d, (1, 0, 0), (0, 0.5, -0.8660254), (-100, -100, 50), (0, 0.8660254 * STEP, 0.5 * STEP), i) for i, d in enumerate(scan)])
case('half of the slices turned by 180 degrees')(lambda: [another(d, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0] if i > 13 else [1, 0, 0, 0, 1, 0]) for i, d in enumerate(scan)])
case('pixel spacing of 0.7 by 1.4')(lambda: [another(d, PixelSpacing=['0.7', '1.4']) for d in scan])
case('only Imager Pixel Spacing')(lambda: [without(another(d, ImagerPixelSpacing=[1, 1]), 'PixelSpacing') for d in scan])
case('Rescale Slope that changes from slice to slice')(lambda: [another(d, RescaleSlope='%g' % (1 + i % 3 / 10)) for i, d in enumerate(scan)])
case('an overlay in the bits above Bits Stored')(lambda: [another(d, BitsStored=12, HighBit=11, PixelRepresentation=0, PixelData=(numpy.clip(d.pixel_array, 0, 4095).astype('<u2') | 0xA000).tobytes()) for d in scan])
# Files.
case('the position twice, with different values')(lambda: {n: before(encoded(another(d)), (0x20, 0x32), struct.pack('<HH', 0x20, 0x32) + b'DS' + struct.pack('<H', 12) + b'0\\0\\%-8d' % (n * 40)) for n, d in enumerate(scan)})
case('the pixels twice')(lambda: {n: encoded(d) + struct.pack('<HH', 0x7FE0, 0x10) + b'OW\0\0' + struct.pack('<I', len(d.PixelData)) + bytes(len(d.PixelData)) for n, d in enumerate(scan)})
case('explicit VR under the syntax of implicit')(lambda: {n: renamed(encoded(another(d))) for n, d in enumerate(scan)})
case('2 bytes behind the pixels')(lambda: {n: encoded(another(d, PixelData=d.PixelData + b'\0\0')) for n, d in enumerate(scan)})
case('100 bytes behind the pixels')(lambda: {n: encoded(another(d, PixelData=d.PixelData + bytes(100))) for n, d in enumerate(scan)})
case('a row behind the pixels')(lambda: {n: encoded(another(d, PixelData=d.PixelData + bytes(2 * d.Columns))) for n, d in enumerate(scan)})
case('implicit items in an explicit sequence')(lambda: {n: before(encoded(d), (0x10, 0x10), struct.pack('<HH', 8, 0x1140) + b'SQ' + UNDEFINED + item(REFERENCE) + SEQUENCE_END) for n, d in enumerate(scan)})
case('implicit items of defined length')(lambda: {n: before(encoded(d), (0x10, 0x10), struct.pack('<HH', 8, 0x1140) + b'SQ' + UNDEFINED + item(REFERENCE, len(REFERENCE)) + SEQUENCE_END) for n, d in enumerate(scan)})
case('a sequence as UN of undefined length')(lambda: {n: before(encoded(d), (0x10, 0x10), struct.pack('<HH', 8, 0x1140) + b'UN' + UNDEFINED + item(REFERENCE) + SEQUENCE_END) for n, d in enumerate(scan)})
case('one implicit element in an explicit file')(lambda: {n: before(encoded(d), (0x10, 0x10), implicit(9, 0x1001, b'abcdefgh')) for n, d in enumerate(scan)})
case('file meta information of implicit VR')(lambda: {n: implicit_meta(d) for n, d in enumerate(scan)})
case('no preamble and no meta information')(lambda: {n: without_meta(d) for n, d in enumerate(scan)})
case('JPEG lossless, 12 bits under a header of 16')(lambda: [short_codes(d, 12, 0) for d in scan[:12]])
case('JPEG lossless, 12 bits under a signed header of 16')(lambda: [short_codes(d, 12, 1) for d in scan[:12]])
case('pixels cut short')(lambda: {n: encoded(d)[:-2000] for n, d in enumerate(scan)})
case('one of the files cut short')(lambda: {n: encoded(d)[:-2000 if n == 3 else None] for n, d in enumerate(scan)})
case('a localizer and a secondary capture beside')(lambda: scan + [another(scan[0], ImageType=['ORIGINAL', 'PRIMARY', 'LOCALIZER']), another(scan[1], SOPClassUID='1.2.840.10008.5.1.4.1.1.7')])


def without_meta(d):
    f = pydicom.filebase.DicomBytesIO()
    f.is_little_endian, f.is_implicit_VR = True, False
    pydicom.filewriter.write_dataset(f, d)
    return f.getvalue()


def write(folder, images):
    os.makedirs(folder)
    for n, d in images.items() if isinstance(images, dict) else enumerate(images):
        with open('%s/I%04d' % (folder, n), 'wb') as f:
            f.write(d if isinstance(d, bytes) else encoded(d))


for name, make in cases.items():
    write(os.path.join(out, name), make())


# What is made of whole folders.
def folder(name):
    path = os.path.join(out, name)
    os.makedirs(path)
    return path


write(os.path.join(out, 'gzip'), {n: gzip.compress(encoded(d)) for n, d in enumerate(scan)})
for name, method in {'zip, stored': zipfile.ZIP_STORED, 'zip, deflated': zipfile.ZIP_DEFLATED, 'zip with a flipped bit': zipfile.ZIP_STORED}.items():
    path = folder(name) + '/export.zip'
    with zipfile.ZipFile(path, 'w', method) as z:
        for n, d in enumerate(scan):
            z.writestr('DICOM/I%04d' % n, encoded(d))
    if 'flipped' in name:
        b = bytearray(open(path, 'rb').read())
        b[b.index(b'DICM') + 4000] ^= 1
        open(path, 'wb').write(b)
if shutil.which('dcmmkdir'):
    for name in ('DICOMDIR', 'DICOMDIR that lists 3 images too many', 'DICOMDIR in a circle'):
        path = folder(name)
        write(path + '/IMAGES', [another(d, PatientID='X1', StudyID='1', SeriesNumber=1) for d in scan])
        subprocess.run(['dcmmkdir', '--general-purpose', '--invent', '--recurse', 'IMAGES'], cwd=path, check=True, capture_output=True)
        if 'too many' in name:
            for n in (4, 5, 6):
                os.remove('%s/IMAGES/I%04d' % (path, n))
        if 'circle' in name:
            b = bytearray(open(path + '/DICOMDIR', 'rb').read())
            first = b.index(b'\x04\0\0\x12UL\x04\0') + 8
            lower = b.index(b'\x04\0\x20\x14UL\x04\0') + 8
            b[lower:lower + 4] = b[first:first + 4]
            open(path + '/DICOMDIR', 'wb').write(b)
for name, tool in {'RLE': 'dcmcrle', 'JPEG-LS': 'dcmcjpls', 'JPEG lossless': 'dcmcjpeg', 'deflated': 'dcmconv +td', 'big endian': 'dcmconv +tb', 'implicit': 'dcmconv +ti'}.items():
    if shutil.which(tool.split()[0]):
        path = os.path.join(out, name)
        write(path, scan)
        for f in glob.glob(path + '/*'):
            subprocess.run(tool.split() + [f, f], check=True, capture_output=True)
