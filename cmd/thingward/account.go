package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"time"
)

// accountGroup manages the accounts of a running server.
var accountGroup = group{
	name: "account", about: "The accounts of a running server. Each has its own things, certificates, policies, rules and topics.",
	commands: []command{
		{"create", "add an account", accountCreate},
		{"list", "list the accounts", accountList},
		{"delete", "delete an empty account with its access keys", accountDelete},
	},
}

type account struct {
	AccountID  string    `json:"accountId"`
	Created    time.Time `json:"created"`
	Management bool      `json:"management"`
}

func accountCreate(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("account create", flag.ContinueOnError)
	var c client
	c.flags(fs)
	words, err := parseWords(fs, "[ID] ", args, stderr, 0, 1)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	in := map[string]string{}
	if len(words) > 0 {
		in["accountId"] = words[0]
	}
	var made account
	if err := c.manage(ctx, http.MethodPost, "accounts", in, &made); err != nil {
		return err
	}
	fmt.Fprintln(stdout, made.AccountID)
	fmt.Fprintf(stderr, "Make its first access key with\n\n  thingward key create --account %s --user admin --policy admin%s\n\n", made.AccountID, dataFlag(c.data))
	return nil
}

func accountList(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("account list", flag.ContinueOnError)
	var c client
	c.flags(fs)
	if _, err := parseWords(fs, "", args, stderr, 0, 0); err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	list, err := c.accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range list {
		note := ""
		if a.Management {
			note = "  manages the others"
		}
		fmt.Fprintf(stdout, "%s  since %s%s\n", a.AccountID, a.Created.Local().Format(time.DateOnly), note)
	}
	return nil
}

func (c *client) accounts(ctx context.Context) ([]account, error) {
	var out struct{ Accounts []account }
	err := c.manage(ctx, http.MethodGet, "accounts", nil, &out)
	return out.Accounts, err
}

func accountDelete(ctx context.Context, args []string, _, stderr io.Writer) error {
	fs := flag.NewFlagSet("account delete", flag.ContinueOnError)
	var c client
	c.flags(fs)
	words, err := parseWords(fs, "ID ", args, stderr, 1, 1)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	keys, err := c.keys(ctx, words[0])
	if err != nil {
		return err
	}
	if err := c.manage(ctx, http.MethodDelete, "accounts/"+words[0], nil, nil); err != nil {
		return err
	}
	for _, k := range keys {
		c.forget(k.AccessKeyID)
	}
	return nil
}
