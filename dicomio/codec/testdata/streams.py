#!/usr/bin/python3
"""Writes the compressed images beside it, of which tests know every pixel, with Debian's dcmtk, openjpeg and openjph tools.

usage: streams.py
"""
import os
import subprocess
import sys
import tempfile

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset

HERE = os.path.dirname(os.path.abspath(__file__))


def image(rows, cols, bits):
    """The image of testImage in streams_test.go."""
    y, x = numpy.mgrid[0:rows, 0:cols]
    v = (x * x * 3 + y * 77 + x * y * 5 + (x * 13 ^ y * 29) % 37) % (1 << bits)
    v[(x < cols // 3) & (y > rows // 4)] = 3
    v[(y == 2) & (x % 2 == 0)] = 0
    v[(y == 2) & (x % 2 == 1)] = (1 << bits) - 1
    return v.astype("<u2" if bits > 8 else "u1")


def dicom(path, px, bits):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    d = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.Rows, d.Columns = px.shape
    d.BitsAllocated = 8 * px.itemsize
    d.BitsStored, d.HighBit, d.PixelRepresentation = bits, bits - 1, 0
    d.PixelData = px.tobytes()
    d.save_as(path, write_like_original=False)


def by_dcmtk(name, command, px, bits):
    with tempfile.TemporaryDirectory() as tmp:
        dicom(tmp + "/a.dcm", px, bits)
        subprocess.run([*command, tmp + "/a.dcm", tmp + "/b.dcm"], check=True)
        d = pydicom.dcmread(tmp + "/b.dcm")
        with open(f"{HERE}/{name}", "wb") as f:
            f.write(next(pydicom.encaps.generate_pixel_data(d.PixelData, 1))[0])


def by_openjpeg(name, px, bits, *options):
    with tempfile.TemporaryDirectory() as tmp:
        px.tofile(tmp + "/a.rawl")
        rows, cols = px.shape
        subprocess.run(["opj_compress", "-i", tmp + "/a.rawl", "-o", f"{HERE}/{name}",
                        "-F", f"{cols},{rows},1,{bits},u", *options], check=True, stdout=subprocess.DEVNULL)


def by_openjph(name, px, bits, *options):
    with tempfile.TemporaryDirectory() as tmp:
        rows, cols = px.shape
        with open(tmp + "/a.pgm", "wb") as f:
            f.write(b"P5\n%d %d\n%d\n" % (cols, rows, (1 << bits) - 1))
            f.write(px.astype(">u2").tobytes() if bits > 8 else px.tobytes())
        subprocess.run(["ojph_compress", "-i", tmp + "/a.pgm", "-o", tmp + "/a.j2c", *options],
                       check=True, stdout=subprocess.DEVNULL)
        os.replace(tmp + "/a.j2c", f"{HERE}/{name}")


def main():
    by_openjph("j2k_ht_8.jph", image(13, 11, 8), 8, "-reversible", "true", "-num_decomps", "2")
    by_openjph("j2k_ht_12.jph", image(37, 45, 12), 12, "-reversible", "true")
    by_openjph("j2k_ht_16.jph", image(37, 45, 16), 16, "-reversible", "true", "-block_size", "{16,32}", "-tile_size", "{20,30}")
    by_openjph("j2k_ht_97.jph", image(37, 45, 12), 12, "-qstep", "0.001")
    tiles = ["-t", "20,17", "-c", "[16,32],[16,16],[8,16]", "-b", "4,8", "-n", "4", "-r", "20,5,1"]
    by_openjpeg("j2k_8.j2k", image(13, 11, 8), 8, "-n", "3")
    by_openjpeg("j2k_12.j2k", image(37, 45, 12), 12)
    by_openjpeg("j2k_16.j2k", image(13, 11, 16), 16, "-n", "3")
    by_openjpeg("j2k_styles.j2k", image(37, 45, 12), 12, "-M", "62", "-b", "32,16", "-n", "2")
    by_openjpeg("j2k_small.j2k", image(37, 45, 12), 12, "-M", "58", "-b", "16,8", "-n", "2")
    by_openjpeg("j2k_bypass.j2k", image(37, 45, 12), 12, "-M", "1", "-b", "32,16", "-n", "1")
    by_openjpeg("j2k_tiles_lrcp.j2k", image(37, 45, 12), 12, *tiles, "-p", "LRCP", "-SOP", "-EPH")
    by_openjpeg("j2k_tiles_rpcl.j2k", image(37, 45, 12), 12, *tiles, "-p", "RPCL", "-TP", "R")
    by_openjpeg("j2k_tiles_pcrl.j2k", image(37, 45, 12), 12, *tiles, "-p", "PCRL")
    by_openjpeg("j2k_layers.j2k", image(37, 45, 12), 12, "-r", "30,20,10,5,1", "-p", "RLCP", "-EPH")
    by_openjpeg("j2k_offset.j2k", image(37, 45, 12), 12, "-d", "7,5", "-T", "3,1", "-t", "19,23", "-p", "CPRL", "-n", "4")
    by_openjpeg("j2k_97.j2k", image(37, 45, 12), 12, "-I", "-q", "60")
    by_dcmtk("ls_12.jls", ["dcmcjpls", "+el", "+pc"], image(16, 16, 12), 12)
    by_dcmtk("dct_8.jpg", ["dcmcjpeg", "+eb", "+q", "99"], image(13, 11, 8), 8)
    by_dcmtk("dct_12.jpg", ["dcmcjpeg", "+ee", "+q", "99"], image(16, 16, 12), 12)
    by_dcmtk("ls_8.jls", ["dcmcjpls", "+el"], image(13, 11, 8), 8)
    by_dcmtk("ls_16.jls", ["dcmcjpls", "+el"], image(13, 11, 16), 16)
    by_dcmtk("ls_12_near3.jls", ["dcmcjpls", "+en", "+md", "3"], image(16, 16, 12), 12)


if __name__ == "__main__":
    sys.exit(main())
