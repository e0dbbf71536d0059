package orthanctest

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
)

// secure puts a server with TLS before Orthanc, as sites do: Orthanc 1.10 of
// Debian 12 crashes at the first https request, for it was built for another
// OpenSSL. While Orthanc is killed the server in front answers with status 502.
func (s *Server) secure() {
	s.t.Helper()
	behind, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // a client that trusts nobody is part of tests
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }, ErrorLog: quiet,
	})
	front.Config.ErrorLog = quiet
	front.StartTLS()
	s.t.Cleanup(front.Close)
	s.CAFile = s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})))
	s.DICOMweb = front.URL + "/dicom-web"
}
