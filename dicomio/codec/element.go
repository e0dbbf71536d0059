package codec

// Element is one data element (PS3.5 section 7.1): a value, or the items of a
// sequence, or the fragments of encapsulated pixels.
type Element struct {
	Tag       uint32 // group<<16 | element
	VR        string
	Value     []byte // little endian, whatever the file is
	Items     []Dataset
	Starts    []int64  // where its items begin in what was read, as the records of a DICOMDIR refer to each other (PS3.3 F.2)
	Fragments [][]byte // encapsulated pixel data (PS3.5 A.4): of even length each, behind an empty offset table
}

// Dataset is a list of elements. It is sorted when it is written.
type Dataset []Element

// Find returns an element of a data set, or nil.
func (d Dataset) Find(tag uint32) *Element {
	for i := range d {
		if d[i].Tag == tag {
			return &d[i]
		}
	}
	return nil
}

// Items returns the items of a sequence, none where it is not there.
func (d Dataset) Items(tag uint32) []Dataset {
	if e := d.Find(tag); e != nil {
		return e.Items
	}
	return nil
}

// First returns the first item of a sequence, nil where there is none.
func (d Dataset) First(tag uint32) Dataset {
	if items := d.Items(tag); len(items) > 0 {
		return items[0]
	}
	return nil
}

// longForm tells the value representations whose length has 32 bits in
// explicit VR (PS3.5 section 7.1.2).
func longForm(vr string) bool {
	switch vr {
	case "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV":
		return true
	}
	return false
}

// width is the number of bytes of a number of a value representation, which
// are in reverse order in big endian; 1 for text and bytes.
func width(vr string) int {
	switch vr {
	case "US", "SS", "OW", "AT":
		return 2
	case "UL", "SL", "FL", "OF", "OL":
		return 4
	case "FD", "OD", "OV", "SV", "UV":
		return 8
	}
	return 1
}

// swapped returns a value in the other byte order.
func swapped(vr string, value []byte) []byte {
	n := width(vr)
	if n == 1 {
		return value
	}
	out := append([]byte(nil), value...)
	for at := 0; at+n <= len(out); at += n {
		for i := range n / 2 {
			out[at+i], out[at+n-1-i] = out[at+n-1-i], out[at+i]
		}
	}
	return out
}

// PixelData is the tag of the pixels of an image.
const PixelData = 0x7FE00010
