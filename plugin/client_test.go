package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

// pageClient is a session at the review page of another process, which may be in trouble:
// it fails no test. See browser for the other kind.
type pageClient struct {
	url, csrf string
	http      *http.Client
}

// signInAt is a session of a user with testPassword.
func signInAt(ctx context.Context, url, name string) (*pageClient, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := &pageClient{url: url, http: &http.Client{Jar: jar, Timeout: time.Minute}}
	var session struct{ CSRF string }
	err = c.call(ctx, "POST", "/api/v1/session", map[string]string{"name": name, "password": testPassword}, &session)
	c.csrf = session.CSRF
	return c, err
}

// call sends in, where it is not nil, and reads the answer into out.
func (c *pageClient) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", c.csrf)
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var problem struct{ Code string }
		_ = json.NewDecoder(res.Body).Decode(&problem)
		return fmt.Errorf("%s %s", res.Status, problem.Code)
	}
	return json.NewDecoder(res.Body).Decode(out)
}
