package sr

import "github.com/nodulescope/nodulescope/dicomio/codec"

// Concepts that a report is read by as well as written with.
var (
	ConceptMeasurementGroup   = Code{"125007", "DCM", "Measurement Group"}
	ConceptTrackingIdentifier = Code{"112039", "DCM", "Tracking Identifier"}
	ConceptTrackingUID        = Code{"112040", "DCM", "Tracking Unique Identifier"}
	ConceptFinding            = Code{"121071", "DCM", "Finding"}
	codeNodule                = Code{"27925004", "SCT", "Nodule"}
	ConceptFindingSite        = Code{"363698007", "SCT", "Finding Site"}
	codeLung                  = Code{"39607008", "SCT", "Lung"}
	codeDiameter              = Code{"81827009", "SCT", "Diameter"}
	codeLength                = Code{"410668003", "SCT", "Length"}
)

// Concepts of DICOM's own dictionary (PS3.16 annex D) and of others.
var (
	codeReport         = Code{"126000", "DCM", "Imaging Measurement Report"}
	codeLanguage       = Code{"121049", "DCM", "Language of Content Item and Descendants"}
	codeEnglish        = Code{"en", "RFC5646", "English"}
	codeObserverType   = Code{"121005", "DCM", "Observer Type"}
	codePerson         = Code{"121006", "DCM", "Person"}
	codeDevice         = Code{"121007", "DCM", "Device"}
	codePersonName     = Code{"121008", "DCM", "Person Observer Name"}
	codePersonOrg      = Code{"121009", "DCM", "Person Observer's Organization Name"}
	codeDeviceUID      = Code{"121012", "DCM", "Device Observer UID"}
	codeDeviceName     = Code{"121013", "DCM", "Device Observer Name"}
	codeDeviceMaker    = Code{"121014", "DCM", "Device Observer Manufacturer"}
	codeDeviceModel    = Code{"121015", "DCM", "Device Observer Model Name"}
	codeDeviceSerial   = Code{"121016", "DCM", "Device Observer Serial Number"}
	codeProcedure      = Code{"121058", "DCM", "Procedure reported"}
	codeCT             = Code{"25045-6", "LN", "CT unspecified body region"}
	codeLibrary        = Code{"111028", "DCM", "Image Library"}
	codeLibraryGroup   = Code{"126200", "DCM", "Image Library Group"}
	codeModality       = Code{"121139", "DCM", "Modality"}
	codeModalityCT     = Code{"CT", "DCM", "Computed Tomography"}
	codeMeasurements   = Code{"126010", "DCM", "Imaging Measurements"}
	codeRegion         = Code{"111030", "DCM", "Image Region"}
	codeSegment        = Code{"121191", "DCM", "Referenced Segment"}
	codeSourceSeries   = Code{"121232", "DCM", "Source series for segmentation"}
	codeDerivation     = Code{"121401", "DCM", "Derivation"}
	codePlusMinus      = Code{"371884006", "SCT", "+/-, range of measurement uncertainty"}
	codeMeasuredAt     = Code{"121112", "DCM", "Source of Measurement"}
	codeAlgorithm      = Code{"111001", "DCM", "Algorithm Name"}
	codeVersion        = Code{"111003", "DCM", "Algorithm Version"}
	codeParameters     = Code{"111002", "DCM", "Algorithm Parameters"}
	codeAlgorithmMaker = Code{"122405", "DCM", "Algorithm Manufacturer"}
	codeComment        = Code{"121106", "DCM", "Comment"}
	codeQualitative    = Code{"C0034375", "UMLS", "Qualitative Evaluations"}
	codePercent        = Code{"%", "UCUM", "percent"}
	codeMM             = Code{"mm", "UCUM", "mm"}
	codeUnitless       = Code{"1", "UCUM", "no units"}
)

// scheme names the private codes.
const scheme = "99NDSCOPE"

// schemeUID identifies the private codes beyond doubt: that of the role
// "coding scheme" of nothing in particular.
var schemeUID = UID("", "coding scheme "+scheme)

// Private concepts. Values are never given a new meaning; NDS-9 and NDS-10, accepted
// and rejected, are in earlier reports.
var (
	codeDeviation   = Code{"NDS-1", scheme, "Deviation from reference nodules"}
	codePercentile  = Code{"NDS-2", scheme, "Percentile among reference nodules"}
	codeRaw         = Code{"NDS-3", scheme, "Raw score"}
	codeOperating   = Code{"NDS-4", scheme, "Operating point"}
	codeFlag        = Code{"NDS-5", scheme, "Relation to the operating point"}
	codeAbove       = Code{"NDS-6", scheme, "Above the operating point"}
	codeNotAbove    = Code{"NDS-7", scheme, "Not above the operating point"}
	codeDecision    = Code{"NDS-8", scheme, "Decision of the reviewer"}
	codeUnsure      = Code{"NDS-11", scheme, "Unsure"}
	codeReason      = Code{"NDS-12", scheme, "Reason of the decision"}
	codeIntendedUse = Code{"NDS-13", scheme, "Intended use"}
	codeLimit       = Code{"NDS-14", scheme, "Limit of use"}
	codeNotScored   = Code{"NDS-15", scheme, "Not scored"}
	codeDefinition  = Code{"NDS-16", scheme, "Definition of a private code"}
	codeSuspicious  = Code{"NDS-17", scheme, "Suspicious nodule"}
	codeBenign      = Code{"NDS-18", scheme, "Benign-looking nodule"}
	codeNotNodule   = Code{"NDS-19", scheme, "Not a nodule"}
)

// definitions stand in every report, so that a reader who meets a private code
// for the first time knows what it says.
var definitions = []struct {
	Code
	text string
}{
	{codeDeviation, "calibrated score of one algorithm, in percent; its calibration stands in the algorithm's parameters. It tells how far a nodule deviates from the normal nodules that the algorithm was trained on. It is not a probability of cancer, nor the certainty that there is a nodule."},
	{codePercentile, "share of the reference nodules of the algorithm that have a lower score, in percent."},
	{codeRaw, "score of the algorithm in its own unit; only scores of the same algorithm and version can be compared."},
	{codeOperating, "raw score above which the algorithm flags a nodule."},
	{codeFlag, "whether the raw score is above the operating point."},
	{codeDecision, "what the person who verified this report decided about the nodule: suspicious nodule, benign-looking nodule, not a nodule (the reason says what it is), or unsure."},
}

// Item is the code as an item of a code sequence (PS3.3 section 8.8).
func (c Code) Item() codec.Dataset {
	var d codec.Dataset
	d.AddText(0x00080100, "SH", c.Value)
	d.AddText(0x00080102, "SH", c.Scheme)
	d.AddText(0x00080104, "LO", c.Meaning)
	return d
}
