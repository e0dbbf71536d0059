package dicomio

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// tagPatientID is compared within a series and not kept.
const tagPatientID = 0x00100020

// patientKey is new in every process and leaves it in no way.
var patientKey = func() (key [32]byte) {
	_, _ = rand.Read(key[:]) // it never fails
	return key
}()

// seal is what stands for a patient's ID in memory: a hash from which nobody can
// read it, the same for the same ID within this process. An empty ID stays empty.
func seal(id []byte) []byte {
	id = bytes.Trim(id, " \x00")
	if len(id) == 0 {
		return nil
	}
	h := hmac.New(sha256.New, patientKey[:])
	h.Write(id)
	return []byte(hex.EncodeToString(h.Sum(nil)[:16]))
}

// samePatient refuses the images of one series where they name different
// patients. What an image does not say counts as what the others do.
func samePatient(images []*header) *Error {
	patient := ""
	for _, h := range images {
		switch {
		case h.patient == "" || h.patient == patient:
		case patient == "":
			patient = h.patient
		default:
			return refuse(CodePatientsDiffer, "images of this series have different patient IDs, so that nobody can say whose it is; send the images of each patient under a SeriesInstanceUID of their own", nil)
		}
	}
	return nil
}
