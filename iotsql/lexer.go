package iotsql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type kind byte

const (
	endOfText kind = iota
	word           // a keyword, a name or part of a path
	text           // a quoted string
	number
	symbol
)

// A token is one word of a statement. For text, s is the value without quotes.
type token struct {
	kind      kind
	s         string
	line, col int
	start     int // byte offsets in the statement, for keys taken from the source text
	end       int
}

// is reports whether t is the keyword, in any case.
func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.s, keyword) }

func (t token) isSymbol(s string) bool { return t.kind == symbol && t.s == s }

func (t token) String() string {
	switch t.kind {
	case endOfText:
		return "the end of the statement"
	case text:
		return fmt.Sprintf("the string %q", t.s)
	default:
		return fmt.Sprintf("%q", t.s)
	}
}

func (t token) errorf(format string, args ...any) *Error {
	return &Error{Line: t.line, Column: t.col, Msg: fmt.Sprintf(format, args...)}
}

// A lexer cuts a statement into tokens.
type lexer struct {
	in        string
	at        int
	line, col int
}

func (l *lexer) skip(bytes int) {
	for _, r := range l.in[l.at : l.at+bytes] {
		if r == '\n' {
			l.line, l.col = l.line+1, 1
		} else {
			l.col++
		}
	}
	l.at += bytes
}

func (l *lexer) next() (token, *Error) {
	rest := l.in[l.at:]
	l.skip(len(rest) - len(strings.TrimLeft(rest, " \t\r\n")))
	rest = l.in[l.at:]
	t := token{line: l.line, col: l.col, start: l.at, end: l.at}
	if rest == "" {
		return t, nil
	}
	n := 0
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		var err *Error
		if t.s, n, err = quoted(rest, t); err != nil {
			return t, err
		}
		t.kind = text
	case isDigit(c):
		t.kind, n = number, numberLen(rest)
		t.s = rest[:n]
		if n < len(rest) && isWordByte(rest[n]) {
			return t, t.errorf("%q: a name cannot begin with a digit", rest[:n+1])
		}
	case isWordByte(c):
		for n < len(rest) && isWordByte(rest[n]) {
			n++
		}
		t.kind, t.s = word, rest[:n]
	default:
		t.kind, n = symbol, 1
		if len(rest) > 1 {
			switch rest[:2] {
			case "<>", "<=", ">=", "!=":
				n = 2
			}
		}
		t.s = rest[:n]
		if !strings.Contains("*.,()=<>+-/%[]{}:@!", t.s[:1]) || t.s == "!" {
			r, _ := utf8.DecodeRuneInString(rest)
			return t, t.errorf("%q has no meaning here", r)
		}
	}
	l.skip(n)
	t.end = l.at
	return t, nil
}

// quoted reads a string at the beginning of in. The quote itself is written twice or after a backslash;
// a backslash before anything else but a backslash is itself, so that regular expressions stay readable.
func quoted(in string, at token) (s string, n int, err *Error) {
	quote := in[0]
	var b strings.Builder
	for i := 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && i+1 < len(in) && (in[i+1] == quote || in[i+1] == '\\'):
			i++
			b.WriteByte(in[i])
		case c == quote && i+1 < len(in) && in[i+1] == quote:
			i++
			b.WriteByte(quote)
		case c == quote:
			return b.String(), i + 1, nil
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, at.errorf("this string has no closing %c", quote)
}

// numberLen returns the length of the number at the beginning of s: digits, fraction, exponent.
func numberLen(s string) int {
	digits := func(i int) int {
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i
	}
	n := digits(0)
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n = digits(n + 1)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		i := n + 1
		if i < len(s) && s[i] == '-' {
			i++
		}
		if end := digits(i); end > i {
			n = end
		}
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordByte(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}
