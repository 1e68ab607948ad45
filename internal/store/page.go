package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/thingward/thingward"
)

// A Page asks for a part of a list. Pages are found by the key of the last row before them, so the
// thousandth costs as much as the first, and rows made or deleted meanwhile shift nothing.
type Page struct {
	Token      string // what the call for the page before returned; empty: the first page
	Limit      int    // most rows wanted; 0: 25
	Descending bool
}

const defaultLimit = 25

func (p *Page) limit() int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return p.Limit
}

// after decodes the key in the token into key and reports whether there was one.
func (p *Page) after(key ...any) (bool, error) {
	if p.Token == "" {
		return false, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Token)
	if err == nil {
		var part []json.RawMessage
		if err = json.Unmarshal(b, &part); err == nil && len(part) != len(key) {
			err = fmt.Errorf("%d parts", len(part))
		}
		for i := 0; err == nil && i < len(key); i++ {
			err = json.Unmarshal(part[i], key[i])
		}
	}
	if err != nil {
		return false, thingward.Errorf(thingward.InvalidRequest, "the page token %.40q is not one that this list returned", p.Token)
	}
	return true, nil
}

// order returns the comparison that the keys of this page stand in to the last key before it, and the word
// for ORDER BY.
func (p *Page) order() (compare, order string) {
	if p.Descending {
		return "<", "DESC"
	}
	return ">", "ASC"
}

// cut cuts the row off that was read beyond the limit to see whether there is another page, and returns
// the token of that page.
func cut[T any](p *Page, rows []T, key func(T) []any) ([]T, string) {
	if len(rows) <= p.limit() {
		return rows, ""
	}
	rows = rows[:p.limit()]
	b, err := json.Marshal(key(rows[len(rows)-1]))
	if err != nil {
		panic(err) // keys are strings and numbers
	}
	return rows, base64.RawURLEncoding.EncodeToString(b)
}

// byCreation completes a query that ends in a WHERE clause with the place and the size of p, in the order of
// creation; created is the column of that time and name the one that tells rows of the same millisecond apart.
func byCreation(query, created, name string, p Page, args []any) (string, []any, error) {
	compare, order := p.order()
	var at int64
	var last string
	more, err := p.after(&at, &last)
	if err != nil {
		return "", nil, err
	}
	n := len(args)
	if more {
		query += fmt.Sprintf(" AND (%s, %s) %s ($%d, $%d)", created, name, compare, n+1, n+2)
		args = append(args, at, last)
		n += 2
	}
	query += fmt.Sprintf(" ORDER BY %s %s, %s %s LIMIT $%d", created, order, name, order, n+1)
	return query, append(args, p.limit()+1), nil
}

// byName does the same for lists in the order of the column name.
func byName(query, name string, p Page, args []any) (string, []any, error) {
	compare, order := p.order()
	var last string
	more, err := p.after(&last)
	if err != nil {
		return "", nil, err
	}
	n := len(args)
	if more {
		query += fmt.Sprintf(" AND %s %s $%d", name, compare, n+1)
		args = append(args, last)
		n++
	}
	query += fmt.Sprintf(" ORDER BY %s %s LIMIT $%d", name, order, n+1)
	return query, append(args, p.limit()+1), nil
}
