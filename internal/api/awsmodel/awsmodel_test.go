package awsmodel

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var all = []*Service{&IoT, &IoTData, &IoTJobsData, &Lambda, &STS}

// The tables name shapes and members by name; every name has to lead somewhere.
func TestTablesAreComplete(t *testing.T) {
	for _, s := range all {
		shapes := make(map[string]*Shape)
		for i := range s.Shapes {
			shapes[s.Shapes[i].Name] = &s.Shapes[i]
		}
		known := func(where, name string) {
			t.Helper()
			if shapes[name] == nil {
				t.Errorf("%s %s: no shape %q", s.Name, where, name)
			}
		}
		for _, sh := range s.Shapes {
			for _, m := range sh.Members {
				known(sh.Name+"."+m.Name, m.Shape)
			}
			if sh.Kind == List || sh.Kind == Map {
				known(sh.Name, sh.Element)
			}
			if sh.Kind == Map {
				known(sh.Name, sh.Key)
			}
			if sh.Payload != "" && !slices.ContainsFunc(sh.Members, func(m Member) bool { return m.Name == sh.Payload }) {
				t.Errorf("%s %s: no member for payload %q", s.Name, sh.Name, sh.Payload)
			}
		}
		for _, o := range s.Operations {
			if o.Input != "" {
				known(o.Name, o.Input)
			}
			if o.Output != "" {
				known(o.Name, o.Output)
			}
			checkLabels(t, &o, shapes[o.Input])
			checkPaging(t, &o, shapes)
		}
	}
}

func checkLabels(t *testing.T, o *Operation, input *Shape) {
	t.Helper()
	var want []string
	for _, l := range regexp.MustCompile(`\{\w+\+?\}`).FindAllString(o.URI, -1) {
		want = append(want, strings.Trim(l, "{+}"))
	}
	var got []string
	if input != nil {
		for _, m := range input.Members {
			if m.In == Label {
				got = append(got, m.Wire)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: path has %q, input has %q", o.Name, want, got)
	}
}

func checkPaging(t *testing.T, o *Operation, shapes map[string]*Shape) {
	t.Helper()
	if o.Paging == nil {
		return
	}
	has := func(shape, member string) {
		t.Helper()
		if member != "" && !slices.ContainsFunc(shapes[shape].Members, func(m Member) bool { return m.Name == member }) {
			t.Errorf("%s pages by %q, which %s does not have", o.Name, member, shape)
		}
	}
	has(o.Input, o.Paging.Input)
	has(o.Input, o.Paging.Limit)
	if len(shapes[o.Output].Members) > 0 { // hand-written tables leave the members of outputs to the structs
		has(o.Output, o.Paging.Output)
		has(o.Output, o.Paging.Result)
	}
}

func TestTime(t *testing.T) {
	f := func(in time.Time, want string) {
		t.Helper()
		got, err := TimeOf(in).MarshalJSON()
		if err != nil || string(got) != want {
			t.Fatalf("%v: got %s, %v, want %s", in, got, err, want)
		}
		var back Time
		if err := back.UnmarshalJSON(got); err != nil || !back.Equal(in.Truncate(time.Millisecond)) {
			t.Errorf("%s read back as %v, %v", got, back, err)
		}
	}
	f(time.Unix(1893456000, 0), "1893456000")
	f(time.UnixMilli(1893456000123), "1893456000.123")
	f(time.Unix(1893456000, 1999), "1893456000")
	f(time.UnixMilli(1893456000100), "1893456000.100")
	f(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "253402300799")
	f(time.Unix(-1, 0), "-1")

	for _, in := range []string{`"x"`, ``, `1e300`, `NaN`, `null`} {
		if err := new(Time).UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%q was read as a time", in)
		}
	}
}
