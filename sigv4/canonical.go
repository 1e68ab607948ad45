package sigv4

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonicalRequest joins the six parts that are signed.
func canonicalRequest(method, path, query, headers string, signedHeaders []string, payloadHash string) string {
	return method + "\n" + path + "\n" + query + "\n" + headers + "\n" + strings.Join(signedHeaders, ";") + "\n" + payloadHash
}

// rawPath returns the path as it stands on the wire, still percent-encoded.
func rawPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// canonicalPaths returns the forms of a path that clients sign, the usual one first: the wire form encoded once
// more, without and with its dot segments and empty segments, then the wire form itself, tidied and as it is.
func canonicalPaths(raw string) []string {
	paths := []string{escape(normalize(raw), true), escape(raw, true)}
	if decoded, err := url.PathUnescape(raw); err == nil && !strings.Contains(strings.ToLower(raw), "%2f") {
		paths = append(paths, escape(decoded, true))
	}
	return uniq(append(paths, raw))
}

// uniq removes repetitions and keeps the order.
func uniq(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// normalize removes dot segments and empty segments (RFC 3986 section 6), and keeps a slash at the end.
func normalize(path string) string {
	var out []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, segment)
		}
	}
	if len(out) == 0 {
		return "/"
	}
	clean := "/" + strings.Join(out, "/")
	if strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean
}

// canonicalQuery sorts the query by encoded name, then by encoded value, and leaves out the names given.
func canonicalQuery(raw string, without ...string) (string, error) {
	type pair struct{ name, value string }
	var pairs []pair
	for field := range strings.SplitSeq(raw, "&") {
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(field, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return "", err
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return "", err
		}
		if !slices.Contains(without, name) {
			pairs = append(pairs, pair{escape(name, false), escape(value, false)})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String(), nil
}

// canonicalHeaders writes the signed headers, one per line: values trimmed, inner spaces collapsed, repetitions joined.
func canonicalHeaders(r *http.Request, host string, signed []string) string {
	var b strings.Builder
	for _, name := range signed {
		b.WriteString(name + ":")
		values := r.Header.Values(name)
		switch {
		case name == "host":
			b.WriteString(host)
		case name == "content-length" && len(values) == 0:
			b.WriteString(strconv.FormatInt(r.ContentLength, 10))
		}
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.Join(strings.Fields(v), " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// hosts returns the forms of the Host header that clients sign: some leave the default port out of one of the two.
func hosts(host string) []string {
	for _, port := range []string{":443", ":80"} {
		if bare, ok := strings.CutSuffix(host, port); ok {
			return []string{host, bare}
		}
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && i > strings.LastIndexByte(host, ']') {
		return []string{host}
	}
	return []string{host, host + ":443"}
}

// escape percent-encodes every byte outside of RFC 3986's unreserved set; slashes stay in a path.
func escape(s string, path bool) string {
	const digits = "0123456789ABCDEF"
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || c == '/' && path
	}
	out := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}
