package signin

import (
	"testing"

	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

func TestOIDCNames(t *testing.T) {
	for _, tt := range []struct {
		claims map[string]any
		want   string
	}{
		{map[string]any{"preferred_username": "ann"}, "oidc/ann"}, {map[string]any{"email": "ann@example.org"}, "oidc/ann@example.org"},
		{map[string]any{}, "oidc/subject"}, {map[string]any{"preferred_username": "=a\n\"b"}, "oidc/_a__b"},
	} {
		if got := externalName(tt.claims, "subject"); got != tt.want {
			t.Errorf("%v: %q", tt.claims, got)
		}
	}
	for claim, want := range map[string]accounts.Role{"nodulescope-view": accounts.RoleView, "a nodulescope-review,b": accounts.RoleReview, "nodulescope": ""} {
		if got := roleOf(claim); got != want {
			t.Errorf("%s: %q", claim, got)
		}
	}
	if roleOf(nil) != "" || roleOf(7.0) != "" || roleOf([]any{1, "nodulescope-admin"}) != accounts.RoleAdmin {
		t.Error("roles of other types")
	}
}
