package dicomtest

// Named is a small series of a patient whose name no 7-bit character set can
// write, with the elements that objects made of the series take over.
func Named() Spec {
	return Spec{
		Slices: 12, Rows: 32, Cols: 40, Origin: [3]float64{-12, -10, -100},
		Edit: func(_ int, set Elements) {
			set.Set(0x00080005, "CS", "ISO_IR 192")
			set.Set(0x00100010, "PN", "Müller^Jörg^^Dr.=山田^太郎")
			set.Set(0x00100020, "LO", "P-1")
			set.Set(0x00100030, "DA", "19500102")
			set.Set(0x00100040, "CS", "M")
			set.Set(0x00080050, "SH", "A-17")
			set.Set(0x00080201, "SH", "+0100")
		},
	}
}
