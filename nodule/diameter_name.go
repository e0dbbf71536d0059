package nodule

import (
	"errors"
	"slices"
	"strings"
)

// diameterName is the name of a diameter in a table and in JSON.
const diameterName = "diameter_mm"

// diameterNames are what else a diameter in millimetres is called, without the
// signs between words.
var diameterNames = []string{"diameter", "diametermm", "diameterinmm", "diam", "diammm", "nodulediameter", "nodulediametermm"}

// diameterAmong finds the name under which a table or an object has its diameter
// in millimetres, in lower case; "" where it has none. sizes says that there is
// another size, which is not read: in another unit, or of another kind. Names
// that leave it open which is meant are refused.
func diameterAmong(names []string) (name string, sizes bool, err error) {
	if slices.Contains(names, diameterName) {
		return diameterName, false, nil
	}
	for _, n := range names {
		p := lettersOf(n)
		switch {
		case slices.Contains(diameterNames, p):
			if name != "" {
				return "", false, errors.New("two names may mean the diameter; give the one in millimetres the name " + diameterName)
			}
			name = n
		case strings.Contains(p, "diam") || strings.Contains(p, "radius") || p == "size" || p == "sizemm":
			sizes = true
		}
	}
	return name, sizes && name == "", nil
}

// sizeNotRead tells of a size that is not read.
const sizeNotRead = "a size is not read; a diameter in millimetres has the name " + diameterName

// lettersOf are the letters and digits of a name, in lower case.
func lettersOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
