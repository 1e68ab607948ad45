package store

import "github.com/thingward/thingward"

// A Function is a Lambda function.
type Function struct {
	Scope  thingward.Scope
	Name   string
	Config []byte // JSON; what is in it is the business of package function
	Code   []byte // the zip file; nil unless it was asked for
}

// CreateFunction adds a function.
func (tx *Tx) CreateFunction(f *Function) error {
	return tx.create(`INSERT INTO functions (account, region, name, config, code) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		f.Scope.Account, f.Scope.Region, f.Name, string(f.Config), f.Code)
}

// Function returns a function, with its code when code is set.
func (tx *Tx) Function(scope thingward.Scope, name string, code bool) (*Function, error) {
	column := "NULL"
	if code {
		column = "code"
	}
	return one(tx, scanFunction, `SELECT account, region, name, config, `+column+` FROM functions
		WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// Functions lists the functions of a scope by name, without code.
func (tx *Tx) Functions(scope thingward.Scope, p Page) ([]*Function, string, error) {
	query, args, err := byName(`SELECT account, region, name, config, NULL FROM functions WHERE account = $1 AND region = $2`,
		"name", p, []any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanFunction, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(f *Function) []any { return []any{f.Name} })
	return list, next, nil
}

// UpdateFunction writes the configuration, and the code unless f.Code is nil.
func (tx *Tx) UpdateFunction(f *Function) error {
	if f.Code == nil {
		return tx.change(`UPDATE functions SET config = $4 WHERE account = $1 AND region = $2 AND name = $3`,
			f.Scope.Account, f.Scope.Region, f.Name, string(f.Config))
	}
	return tx.change(`UPDATE functions SET config = $4, code = $5 WHERE account = $1 AND region = $2 AND name = $3`,
		f.Scope.Account, f.Scope.Region, f.Name, string(f.Config), f.Code)
}

// DeleteFunction removes a function.
func (tx *Tx) DeleteFunction(scope thingward.Scope, name string) error {
	return tx.change(`DELETE FROM functions WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

func scanFunction(r scanner) (*Function, error) {
	var f Function
	return &f, r.Scan(&f.Scope.Account, &f.Scope.Region, &f.Name, &f.Config, &f.Code)
}
