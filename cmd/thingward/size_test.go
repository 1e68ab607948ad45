package main

import "testing"

func TestSize(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		var s size
		if err := s.Set(in); err != nil {
			if want != "" {
				t.Errorf("%s: %v", in, err)
			}
			return
		}
		if got := s.String(); got != want {
			t.Errorf("%s became %q, want %q", in, got, want)
		}
	}
	f("4GiB", "4GiB")
	f("1536MiB", "1536MiB")
	f("1024KiB", "1MiB")
	f("1000", "1000")
	f("0", "")
	f("-1MiB", "")
	f("1GB", "")
	f("99999999TiB", "")
}
