// Package orthanctest starts an Orthanc, a small PACS, for a test.
//
// Start skips the test where Orthanc (Debian packages orthanc and
// orthanc-dicomweb) is not installed. Otherwise the test has a server of its
// own, on free ports, with a folder that ends with the test, DICOMweb, a user,
// and TLS where it is asked for. Kill and Restart take it away and bring it back
// with what it held.
//
// StartDCMQRSCP starts a PACS that has no DICOMweb: dcmqrscp of Debian's dcmtk.
package orthanctest
