package iotsql

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Parse reads a statement. The error, if any, is an *[Error].
func Parse(statement string, v Version) (*Statement, error) {
	p, err := newParser(statement)
	if err != nil {
		return nil, err
	}
	st, err := p.statement()
	if err != nil {
		return nil, err
	}
	st.Version = v
	return st, nil
}

// A parser holds one token of look-ahead beyond the current one.
type parser struct {
	lexer
	tok   token
	depth int

	members bool // path.* may come next: at the beginning of an element of the select list
}

// newParser returns a parser on the first token of in. Its methods and it itself return *Error as error,
// never a nil *Error.
func newParser(in string) (*parser, error) {
	p := &parser{lexer: lexer{in: in, line: 1, col: 1}}
	if len(in) > maxStatement {
		return nil, &Error{1, 1, "the statement is longer than 256 KB"}
	}
	if !utf8.ValidString(in) {
		return nil, &Error{1, 1, "the statement is not UTF-8 text"}
	}
	return p, p.advance()
}

func (p *parser) advance() error {
	t, err := p.lexer.next()
	if err != nil {
		return err
	}
	p.tok = t
	return nil
}

// accept takes the keyword if it is next.
func (p *parser) accept(keyword string) (bool, error) {
	if !p.tok.is(keyword) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) acceptSymbol(s string) (bool, error) {
	if !p.tok.isSymbol(s) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expectSymbol(s string) error {
	if !p.tok.isSymbol(s) {
		return p.tok.errorf("want %q, found %v", s, p.tok)
	}
	return p.advance()
}

// enter counts the nesting of expressions; leave by decrementing depth.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.tok.errorf("expressions are nested deeper than %d", maxDepth)
	}
	return nil
}

// statement := SELECT (list | VALUE expr) [FROM string] [WHERE expr]
func (p *parser) statement() (*Statement, error) {
	if p.tok.is("SET") {
		return nil, p.tok.errorf("SET is not supported yet")
	}
	if ok, err := p.accept("SELECT"); err != nil {
		return nil, err
	} else if !ok {
		return nil, p.tok.errorf("a statement begins with SELECT, found %v", p.tok)
	}
	st := &Statement{}
	if err := p.selection(st); err != nil {
		return nil, err
	}
	if ok, err := p.accept("FROM"); err != nil {
		return nil, err
	} else if ok {
		if p.tok.kind != text {
			return nil, p.tok.errorf("FROM wants a topic filter in single quotes, found %v", p.tok)
		}
		if p.tok.s == "" {
			return nil, p.tok.errorf("the topic filter after FROM is empty")
		}
		st.From = p.tok.s
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if ok, err := p.accept("WHERE"); err != nil {
		return nil, err
	} else if ok {
		if st.where, err = p.expr(); err != nil {
			return nil, err
		}
	}
	return st, p.end()
}

func (p *parser) end() error {
	switch {
	case p.tok.kind == endOfText:
		return nil
	case p.tok.kind == symbol && strings.Contains("+-*/%", p.tok.s):
		return p.tok.errorf("arithmetic (%s) is not supported yet", p.tok.s)
	default:
		return p.tok.errorf("nothing more is understood here, found %v", p.tok)
	}
}

func (p *parser) selection(st *Statement) error {
	// VALUE is a keyword only when an expression follows, as a field may be called value.
	if p.tok.is("VALUE") {
		value := p.tok
		if err := p.advance(); err != nil {
			return err
		}
		if p.tok.isSymbol("*") {
			st.value = whole{}
			return p.advance()
		}
		if p.beginsExpr() {
			var err error
			st.value, err = p.expr()
			return err
		}
		return p.items(st, &value)
	}
	return p.items(st, nil)
}

// beginsExpr reports whether the current token can begin an operand (and not continue one).
func (p *parser) beginsExpr() bool {
	switch p.tok.kind {
	case text, number:
		return true
	case word:
		return !slices.ContainsFunc([]string{"FROM", "WHERE", "AS", "AND", "OR"}, p.tok.is)
	case symbol:
		return p.tok.s == "(" || p.tok.s == "[" || p.tok.s == "{" || p.tok.s == "-" || p.tok.s == "@"
	}
	return false
}

// items reads the select list; first is a name already taken, or nil.
func (p *parser) items(st *Statement, first *token) error {
	for {
		it, err := p.item(first)
		if err != nil {
			return err
		}
		first = nil
		if st.items = append(st.items, it); len(st.items) > maxItems {
			return p.tok.errorf("the select list is longer than %d", maxItems)
		}
		if more, err := p.acceptSymbol(","); err != nil || !more {
			return err
		}
	}
}

// item := '*' [AS alias] | path '.' '*' | expr [AS alias]
func (p *parser) item(first *token) (item, error) {
	if first == nil && p.tok.isSymbol("*") {
		if err := p.advance(); err != nil {
			return item{}, err
		}
		alias, err := p.alias()
		return item{star: alias == nil, alias: alias}, err
	}
	start := p.tok.start
	p.members = true
	var e expr
	var err error
	if first != nil {
		start = first.start
		e, err = p.exprAfter(*first)
	} else {
		e, err = p.expr()
	}
	if err != nil {
		return item{}, err
	}
	if all, ok := e.(members); ok {
		return item{star: true, expr: all.of}, nil
	}
	source := p.in[start:p.tok.start]
	it := item{expr: e}
	if it.alias, err = p.alias(); err == nil && it.alias == nil {
		it.alias = []string{defaultKey(e, source)}
	}
	return it, err
}

// alias := AS (name {'.' name} | string)
func (p *parser) alias() ([]string, error) {
	if ok, err := p.accept("AS"); err != nil || !ok {
		return nil, err
	}
	if p.tok.kind == text {
		alias := []string{p.tok.s}
		return alias, p.advance()
	}
	var alias []string
	for {
		if p.tok.kind != word {
			return nil, p.tok.errorf("AS wants a name, found %v", p.tok)
		}
		if alias = append(alias, p.tok.s); len(alias) > maxDepth {
			return nil, p.tok.errorf("the name after AS has more than %d levels", maxDepth)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if more, err := p.acceptSymbol("."); err != nil || !more {
			return alias, err
		}
	}
}

// defaultKey is the key of an item without AS: the last name of a path; the source text of anything else,
// without empty parentheses.
func defaultKey(e expr, source string) string {
	if path, ok := e.(path); ok {
		return path[len(path)-1]
	}
	return strings.TrimSuffix(strings.TrimSpace(source), "()")
}

func (p *parser) expr() (expr, error) { return p.or(nil) }

// exprAfter reads an expression whose first word was taken already.
func (p *parser) exprAfter(first token) (expr, error) { return p.or(&first) }

func (p *parser) or(first *token) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	return p.chain("OR", first, func(first *token) (expr, error) { return p.chain("AND", first, p.not) })
}

// chain reads operands joined by AND or by OR. The result is a flat list: a thousand of them nest no deeper than two.
func (p *parser) chain(op string, first *token, operand func(*token) (expr, error)) (expr, error) {
	e, err := operand(first)
	if err != nil {
		return nil, err
	}
	list := []expr{e}
	for {
		more, err := p.accept(op)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if e, err = operand(nil); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return logic{or: op == "OR", operands: list}, nil
}

func (p *parser) not(first *token) (expr, error) {
	if first != nil || !p.tok.is("NOT") {
		return p.comparison(first)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	e, err := p.not(nil)
	return not{e}, err
}

func (p *parser) comparison(first *token) (expr, error) {
	left, err := p.operand(first)
	if err != nil {
		return nil, err
	}
	if _, ok := left.(members); ok {
		return left, p.endOfItem()
	}
	if p.tok.kind != symbol {
		return left, nil
	}
	switch op := p.tok.s; op {
	case "=", "<>", "!=", "<", "<=", ">", ">=":
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.operand(nil)
		if op == "!=" {
			op = "<>"
		}
		return comparison{op, left, right}, err
	case "+", "-", "*", "/", "%":
		return nil, p.tok.errorf("arithmetic (%s) is not supported yet", op)
	}
	return left, nil
}

func (p *parser) endOfItem() error {
	if p.tok.kind == endOfText || p.tok.isSymbol(",") || p.tok.is("FROM") || p.tok.is("WHERE") {
		return nil
	}
	return p.tok.errorf("after .* the next element or FROM is wanted, found %v", p.tok)
}

// operand := number | '-' number | string | TRUE | FALSE | NULL | path | name '(' args ')' | '(' expr ')'
func (p *parser) operand(first *token) (expr, error) {
	all := p.members
	p.members = false
	if first != nil {
		return p.nameOrCall(*first, all)
	}
	t := p.tok
	switch t.kind {
	case text:
		return literal{String(t.s)}, p.advance()
	case number:
		return p.number("")
	case word:
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.named(t, all)
	case endOfText:
		return nil, t.errorf("an expression is missing here")
	}
	switch t.s {
	case "-":
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != number {
			return nil, t.errorf("arithmetic (-) is not supported yet")
		}
		return p.number("-")
	case "(":
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.is("SELECT") {
			return nil, p.tok.errorf("nested queries are not supported yet")
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		return e, p.expectSymbol(")")
	case "[":
		return nil, t.errorf("array literals are not supported yet")
	case "{":
		return nil, t.errorf("object literals are not supported yet")
	case "@":
		return nil, t.errorf("variables (SET) are not supported yet")
	}
	return nil, t.errorf("an expression is wanted here, found %v", t)
}

func (p *parser) number(sign string) (expr, error) {
	v := Number(sign + p.tok.s)
	if v.kind == undefinedKind {
		return nil, p.tok.errorf("the number %s is out of range", p.tok.s)
	}
	return literal{v}, p.advance()
}

// named reads on after the word t, which is already taken; all permits path.*.
func (p *parser) named(t token, all bool) (expr, error) {
	switch {
	case t.is("TRUE"):
		return literal{Bool(true)}, nil
	case t.is("FALSE"):
		return literal{Bool(false)}, nil
	case t.is("NULL"):
		return literal{Null}, nil
	case t.is("CASE"):
		return nil, t.errorf("CASE is not supported yet")
	}
	for _, keyword := range []string{"SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT"} {
		if t.is(keyword) {
			return nil, t.errorf("an expression is wanted here, found the keyword %s", keyword)
		}
	}
	return p.nameOrCall(t, all)
}

func (p *parser) nameOrCall(t token, all bool) (expr, error) {
	if call, err := p.acceptSymbol("("); err != nil {
		return nil, err
	} else if call {
		return p.call(t)
	}
	names := path{t.s}
	for {
		dot, err := p.acceptSymbol(".")
		if err != nil {
			return nil, err
		}
		if !dot {
			return names, nil
		}
		if all && p.tok.isSymbol("*") {
			return members{names}, p.advance()
		}
		if p.tok.kind != word {
			return nil, p.tok.errorf("a field name is wanted after the dot, found %v", p.tok)
		}
		if names = append(names, p.tok.s); len(names) > maxDepth {
			return nil, p.tok.errorf("the path has more than %d levels", maxDepth)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// call reads the arguments of a function; its name and the parenthesis are taken.
func (p *parser) call(name token) (expr, error) {
	f, ok := functions[strings.ToLower(name.s)]
	if !ok {
		return nil, name.errorf("the function %s does not exist or is not supported yet", name.s)
	}
	var args []expr
	if !p.tok.isSymbol(")") {
		for {
			e, err := p.expr()
			if err != nil {
				return nil, err
			}
			if args = append(args, e); len(args) > f.max {
				return nil, name.errorf("%s takes at most %d arguments", name.s, f.max)
			}
			if more, err := p.acceptSymbol(","); err != nil {
				return nil, err
			} else if !more {
				break
			}
		}
	}
	if p.tok.isSymbol("*") || p.tok.isSymbol("+") || p.tok.isSymbol("-") || p.tok.isSymbol("/") {
		return nil, p.tok.errorf("arithmetic (%s) is not supported yet", p.tok.s)
	}
	return call{f.run, args}, p.expectSymbol(")")
}
