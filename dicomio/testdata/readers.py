#!/usr/bin/python3
"""Reads folders with pydicom (and GDCM), with dcm2niix and with nodulescope, and prints a Markdown row for each.

    dicomio/testdata/readers.py NODULESCOPE FOLDER [FOLDER...]
    dicomio/testdata/readers.py NODULESCOPE --files FOLDER [FOLDER...]

With --files every file is taken on its own, with a twin that pydicom writes 1 mm above it where it can: a row for each
way in which files are read or refused.

Needs Debian's python3-pydicom, python3-gdcm and dcm2niix. Archives are opened for pydicom. "same HU" means: every slice that nodulescope takes has, to the
last bit, the HU that pydicom gives, in the same order."""
import collections, glob, gzip, hashlib, io, json, os, re, shutil, struct, subprocess, sys, tempfile, warnings, zipfile

import numpy
import pydicom

warnings.simplefilter('ignore')


def contents(path):
    """The bytes of a file, or of those in an archive, which pydicom does not open."""
    head = open(path, 'rb').read(4)
    if head == b'PK\3\4':
        with zipfile.ZipFile(path) as z:
            return [z.read(n) for n in z.namelist()]
    return [gzip.open(path).read() if head[:2] == b'\x1f\x8b' else open(path, 'rb').read()]


def headers(folder):
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                files = contents(os.path.join(root, name))
            except Exception:  # a broken archive
                continue
            for b in files:
                one(b, found)
    return found


def one(b, found):
    try:
        d = pydicom.dcmread(io.BytesIO(b), force=True)
        if 'TransferSyntaxUID' not in d.file_meta:
            d.file_meta.TransferSyntaxUID = '1.2.840.10008.1.2' if d.is_implicit_VR else '1.2.840.10008.1.2.1' if d.is_little_endian else '1.2.840.10008.1.2.2'
        if d.get('Modality') == 'CT' and 'SOPInstanceUID' in d:
            found.setdefault(str(d.SeriesInstanceUID), {})[str(d.SOPInstanceUID)] = d
    except Exception:  # no DICOM, or not for pydicom
        pass


def hu(d, masked=False):
    a = d.pixel_array
    if masked:  # which pydicom leaves to its caller (PS3.5 8.1.1)
        a = (a.astype('i8') >> (d.HighBit + 1 - d.BitsStored)) & ((1 << d.BitsStored) - 1)
        a = a - ((a >> (d.BitsStored - 1)) << d.BitsStored) if d.PixelRepresentation else a
    return (a.astype('f8') * float(d.RescaleSlope) + float(d.RescaleIntercept)).astype('<f4')


def with_pydicom(series):
    words = []
    for images in series.values():
        good, why = 0, ''
        for d in images.values():
            try:
                hu(d)
                good += 1
            except Exception as e:
                why = type(e).__name__
        words.append('%d of %d images%s' % (good, len(images), ' (%s)' % why if why else ''))
    return '; '.join(words) or 'no CT'


def with_dcm2niix(folder):
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(['dcm2niix', '-b', 'n', '-z', 'n', '-o', out, '-f', '%s_%t', folder], capture_output=True, timeout=300)
        words = []
        for path in sorted(glob.glob(out + '/*.nii')):
            head = open(path, 'rb').read(120)
            dims, size = struct.unpack('<8h', head[40:56]), struct.unpack('<8f', head[76:108])
            words.append('%d slices%s of %.4g mm' % (dims[3], ' x %d' % dims[4] if dims[4] > 1 else '', size[3]))
        return '; '.join(words) or 'nothing'


def same(one, images):
    if any(uid not in images for uid in one['sop_instance_uids']):
        return 'not read by pydicom'
    for masked, words in (False, 'same HU'), (True, 'same HU where the bits above Bits Stored are masked'):
        total = hashlib.sha256()
        try:
            for uid in one['sop_instance_uids']:
                total.update(numpy.ascontiguousarray(hu(images[uid], masked)).tobytes())
        except Exception as e:
            return 'pydicom: ' + type(e).__name__
        if 'sha256:' + total.hexdigest() == one['pixels']['digest']:
            return words
    return '**OTHER HU**'


def with_nodulescope(program, folder, series):
    out = subprocess.run([program, 'inspect', '--json', folder], capture_output=True, timeout=300)
    if not out.stdout:
        return out.stderr.decode().strip().split('(')[-1].rstrip(')') + ', refused'
    found = json.loads(out.stdout)
    words = []
    for one in found['series']:
        told = ' '.join(w['code'] for w in one.get('warnings', []))
        if 'pixels' not in one:
            words.append(one['error']['code'] + ', refused')
            continue
        words.append('%d slices of %.4g mm, %s%s' % (one['slices'], one['spacing_mm'][0], same(one, series.get(one['series_uid'], {})), ', ' + told if told else ''))
    for one in found.get('refused', []) + found.get('refused_files', []):
        if one['code'] != 'not_ct':
            words.append(one['code'] + (', named' if 'file' in one else ', refused'))
    return '; '.join('%d x %s' % (n, w) if n > 1 else w for w, n in collections.Counter(words).items()) or 'no CT'


def alone(program, path):
    """One file and its twin: what nodulescope does, and what pydicom."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder + '/one')
        try:
            d = pydicom.dcmread(path, force=True)
            where = [float(v) for v in d.ImagePositionPatient]
            d.SOPInstanceUID = d.SOPInstanceUID + '.9'
            row, col = numpy.array(d.ImageOrientationPatient, float).reshape(2, 3)
            up = numpy.cross(row, col)
            d.ImagePositionPatient = [float('%.4f' % v) for v in numpy.array(where) + up]
            d.save_as(folder + '/two')
        except Exception:  # no image
            pass
        series = headers(folder)
        return with_nodulescope(program, folder, series), re.sub(r'\d+ of \d+ images?', lambda m: 'pixels read' if m[0][0] != '0' else 'no pixels read', with_pydicom(series))


def files(program, folders):
    rows = {}
    for folder in folders:
        for root, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                rows.setdefault(alone(program, os.path.join(root, name)), []).append(name)
    print('| files | pydicom + GDCM | nodulescope |\n|---|---|---|')
    for (ours, theirs), names in sorted(rows.items(), key=lambda r: -len(r[1])):
        print('| %s | %s | %s |' % (', '.join(names) if len(names) < 12 else '%d files: %s, ...' % (len(names), ', '.join(names[:4])), theirs, ours))


program, folders = sys.argv[1], sys.argv[2:]
if folders[0] == '--files':
    files(program, folders[1:])
    sys.exit()
print('| folder | pydicom + GDCM | dcm2niix | nodulescope |\n|---|---|---|---|')
for folder in folders:
    name = os.path.basename(folder.rstrip('/'))
    if name == 's':
        name = os.path.basename(os.path.dirname(folder.rstrip('/')))
    series = headers(folder)
    print('| %s | %s | %s | %s |' % (name, with_pydicom(series), with_dcm2niix(folder), with_nodulescope(program, folder, series)), flush=True)
