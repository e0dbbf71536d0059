package sr

// code is a coded concept (PS3.3 section 8).
type code struct{ value, scheme, meaning string }

// Concepts of DICOM's own dictionary (PS3.16 annex D) and of others.
var (
	codeReport         = code{"126000", "DCM", "Imaging Measurement Report"}
	codeLanguage       = code{"121049", "DCM", "Language of Content Item and Descendants"}
	codeEnglish        = code{"en", "RFC5646", "English"}
	codeObserverType   = code{"121005", "DCM", "Observer Type"}
	codePerson         = code{"121006", "DCM", "Person"}
	codeDevice         = code{"121007", "DCM", "Device"}
	codePersonName     = code{"121008", "DCM", "Person Observer Name"}
	codePersonOrg      = code{"121009", "DCM", "Person Observer's Organization Name"}
	codeDeviceUID      = code{"121012", "DCM", "Device Observer UID"}
	codeDeviceName     = code{"121013", "DCM", "Device Observer Name"}
	codeDeviceMaker    = code{"121014", "DCM", "Device Observer Manufacturer"}
	codeDeviceModel    = code{"121015", "DCM", "Device Observer Model Name"}
	codeDeviceSerial   = code{"121016", "DCM", "Device Observer Serial Number"}
	codeProcedure      = code{"121058", "DCM", "Procedure reported"}
	codeCT             = code{"25045-6", "LN", "CT unspecified body region"}
	codeLibrary        = code{"111028", "DCM", "Image Library"}
	codeLibraryGroup   = code{"126200", "DCM", "Image Library Group"}
	codeModality       = code{"121139", "DCM", "Modality"}
	codeModalityCT     = code{"CT", "DCM", "Computed Tomography"}
	codeMeasurements   = code{"126010", "DCM", "Imaging Measurements"}
	codeGroup          = code{"125007", "DCM", "Measurement Group"}
	codeTrackingID     = code{"112039", "DCM", "Tracking Identifier"}
	codeTrackingUID    = code{"112040", "DCM", "Tracking Unique Identifier"}
	codeFinding        = code{"121071", "DCM", "Finding"}
	codeNodule         = code{"27925004", "SCT", "Nodule"}
	codeSite           = code{"363698007", "SCT", "Finding Site"}
	codeLung           = code{"39607008", "SCT", "Lung"}
	codeRegion         = code{"111030", "DCM", "Image Region"}
	codeDiameter       = code{"81827009", "SCT", "Diameter"}
	codeMeasuredAt     = code{"121112", "DCM", "Source of Measurement"}
	codeAlgorithm      = code{"111001", "DCM", "Algorithm Name"}
	codeVersion        = code{"111003", "DCM", "Algorithm Version"}
	codeParameters     = code{"111002", "DCM", "Algorithm Parameters"}
	codeAlgorithmMaker = code{"122405", "DCM", "Algorithm Manufacturer"}
	codeComment        = code{"121106", "DCM", "Comment"}
	codeQualitative    = code{"C0034375", "UMLS", "Qualitative Evaluations"}
	codeSource         = code{"121322", "DCM", "Source image for image processing operation"}
	codeResampled      = code{"113072", "DCM", "Multiplanar reformatting"}
	codePercent        = code{"%", "UCUM", "percent"}
	codeMM             = code{"mm", "UCUM", "mm"}
	codeUnitless       = code{"1", "UCUM", "no units"}
)

// scheme names the private codes.
const scheme = "99NDSCOPE"

// schemeUID identifies the private codes beyond doubt: that of the role
// "coding scheme" of nothing in particular.
var schemeUID = UID("", "coding scheme "+scheme)

// Private concepts. Values are never given a new meaning.
var (
	codeDeviation   = code{"NDS-1", scheme, "Deviation from reference nodules"}
	codePercentile  = code{"NDS-2", scheme, "Percentile among reference nodules"}
	codeRaw         = code{"NDS-3", scheme, "Raw score"}
	codeOperating   = code{"NDS-4", scheme, "Operating point"}
	codeFlag        = code{"NDS-5", scheme, "Relation to the operating point"}
	codeAbove       = code{"NDS-6", scheme, "Above the operating point"}
	codeNotAbove    = code{"NDS-7", scheme, "Not above the operating point"}
	codeDecision    = code{"NDS-8", scheme, "Decision of the reviewer"}
	codeAccepted    = code{"NDS-9", scheme, "Accepted"}
	codeRejected    = code{"NDS-10", scheme, "Rejected"}
	codeUnsure      = code{"NDS-11", scheme, "Unsure"}
	codeReason      = code{"NDS-12", scheme, "Reason of the decision"}
	codeIntendedUse = code{"NDS-13", scheme, "Intended use"}
	codeLimit       = code{"NDS-14", scheme, "Limit of use"}
	codeNotScored   = code{"NDS-15", scheme, "Not scored"}
	codeDefinition  = code{"NDS-16", scheme, "Definition of a private code"}
)

// definitions stand in every report, so that a reader who meets a private code
// for the first time knows what it says.
var definitions = []struct {
	code
	text string
}{
	{codeDeviation, "calibrated score of one algorithm, in percent; its calibration stands in the algorithm's parameters. It tells how far a nodule deviates from the normal nodules that the algorithm was trained on. It is not a probability of cancer, nor the certainty that there is a nodule."},
	{codePercentile, "share of the reference nodules of the algorithm that have a lower score, in percent."},
	{codeRaw, "score of the algorithm in its own unit; only scores of the same algorithm and version can be compared."},
	{codeOperating, "raw score above which the algorithm flags a nodule."},
	{codeFlag, "whether the raw score is above the operating point."},
	{codeDecision, "what the person who verified this report decided about the nodule: accepted, rejected or unsure."},
}

// item is the code as an item of a code sequence (PS3.3 section 8.8).
func (c code) item() dataset {
	var d dataset
	d.text(0x00080100, "SH", c.value)
	d.text(0x00080102, "SH", c.scheme)
	d.text(0x00080104, "LO", c.meaning)
	return d
}

// same tells whether two codes are the same concept, whatever its wording.
func (c code) same(o code) bool { return c.value == o.value && c.scheme == o.scheme }
