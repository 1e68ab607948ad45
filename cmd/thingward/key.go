package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/thingward/thingward/policy"
)

// keyGroup manages the access keys of a running server.
var keyGroup = group{
	name: "key", about: "The access keys of a running server. A key signs requests; its policy says what it may do.",
	commands: []command{
		{"create", "make an access key; its secret is shown once", keyCreate},
		{"list", "list access keys", keyList},
		{"policy", "show what a key may do, or change it", keyPolicy},
		{"deactivate", "take a key out of use; its connections end", keyDeactivate},
		{"activate", "take it back into use", keyActivate},
		{"delete", "delete a key for ever; its connections end", keyDelete},
	},
	more: `
A policy is a file with a document in the form of IAM, or one of

  admin      everything in the account
  readonly   get, list and describe everything, and the journal; no messages
  data       connect, publish, subscribe and receive; shadows and jobs of things
  none       nothing

`,
}

// namedPolicies are the policies that have a name.
var namedPolicies = map[string]string{
	"admin": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	"readonly": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iot:Describe*","iot:Get*","iot:List*","iot:ReadJournal","iot:SearchIndex","iot:TestAuthorization",` +
		`"lambda:Get*","lambda:List*","thingward:Get*","thingward:List*"],"Resource":"*"}]}`,
	"data": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iot:Connect","iot:Publish","iot:RetainPublish","iot:Subscribe","iot:Receive",` +
		`"iot:GetRetainedMessage","iot:ListRetainedMessages","iot:GetThingShadow","iot:UpdateThingShadow","iot:DeleteThingShadow","iot:ListNamedShadowsForThing",` +
		`"iotjobsdata:*"],"Resource":"*"}]}`,
	"none": "",
}

// readPolicy returns the document that a --policy flag names. What is wrong with it is said with line and column.
func readPolicy(name string) (string, error) {
	if document, ok := namedPolicies[name]; ok {
		return document, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no file %s, and no policy of that name: admin, readonly, data or none", name)
	}
	if err != nil {
		return "", err
	}
	if _, err := policy.ParseIAM(text); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(text), nil
}

type accessKey struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	AccountID       string    `json:"accountId"`
	UserName        string    `json:"userName"`
	Status          string    `json:"status"`
	PolicyDocument  string    `json:"policyDocument"`
	Created         time.Time `json:"created"`
}

func keyCreate(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("key create", flag.ContinueOnError)
	var c client
	c.flags(fs)
	account := fs.String("account", "", "`id` of the account (default that of the key that signs)")
	user := fs.String("user", "", "`name` of whom or what it is for; refusals and logs show it")
	document := fs.String("policy", "none", "what it may do: a `file`, admin, readonly, data or none")
	keep := fs.Bool("keep", false, "keep the secret in the data directory, for `thingward env --key`")
	if _, err := parseWords(fs, "", args, stderr, 0, 0); err != nil {
		return err
	}
	if *user == "" {
		fmt.Fprintln(stderr, "thingward key create: --user says whom or what the key is for")
		return errUsage
	}
	text, err := readPolicy(*document)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	if *account == "" {
		if *account, err = c.own(ctx); err != nil {
			return err
		}
	}
	var made accessKey
	in := map[string]string{"userName": *user, "policyDocument": text}
	if err := c.manage(ctx, http.MethodPost, "accounts/"+url.PathEscape(*account)+"/keys", in, &made); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", made.AccessKeyID, made.SecretAccessKey)
	switch {
	case *keep:
		if _, err := c.keep(made.AccessKeyID, made.AccountID, made.SecretAccessKey); err != nil {
			return fmt.Errorf("the key is made, but its secret could not be kept: %w", err)
		}
		fmt.Fprintf(stderr, "Use it with\n\n  eval \"$(thingward env --key %s%s)\"\n\n", made.AccessKeyID, dataFlag(c.data))
	default:
		fmt.Fprintln(stderr, "The secret is not shown again.")
	}
	if text == "" {
		fmt.Fprintf(stderr, "The key may do nothing yet: thingward key policy %s --policy FILE%s\n", made.AccessKeyID, dataFlag(c.data))
	}
	return nil
}

// own is the account of the key that signs.
func (c *client) own(ctx context.Context) (string, error) {
	var k accessKey
	err := c.manage(ctx, http.MethodGet, "keys/"+url.PathEscape(c.key.AccessKeyID), nil, &k)
	return k.AccountID, err
}

func (c *client) keys(ctx context.Context, account string) ([]accessKey, error) {
	var out struct{ AccessKeys []accessKey }
	err := c.manage(ctx, http.MethodGet, "accounts/"+url.PathEscape(account)+"/keys", nil, &out)
	return out.AccessKeys, err
}

func keyList(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("key list", flag.ContinueOnError)
	var c client
	c.flags(fs)
	only := fs.String("account", "", "`id` of the account (default all)")
	if _, err := parseWords(fs, "", args, stderr, 0, 0); err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	list := []account{{AccountID: *only}}
	if *only == "" {
		var err error
		if list, err = c.accounts(ctx); err != nil {
			return err
		}
	}
	for _, a := range list {
		keys, err := c.keys(ctx, a.AccountID)
		if err != nil {
			return err
		}
		for _, k := range keys {
			fmt.Fprintf(stdout, "%s  %s  %-8s  %-9s  since %s  %s\n", k.AccountID, k.AccessKeyID, k.Status, policyName(k.PolicyDocument), k.Created.Local().Format(time.DateOnly), k.UserName)
		}
	}
	return nil
}

// policyName says in a word what a key may do.
func policyName(document string) string {
	for name, text := range namedPolicies {
		if text == document {
			return name
		}
	}
	return "own"
}

func keyPolicy(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("key policy", flag.ContinueOnError)
	var c client
	c.flags(fs)
	document := fs.String("policy", "", "what the key may do from now on: a `file`, admin, readonly, data or none (default: the policy is shown)")
	words, err := parseWords(fs, "ID ", args, stderr, 1, 1)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	path := "keys/" + url.PathEscape(words[0])
	if *document != "" {
		text, err := readPolicy(*document)
		if err != nil {
			return err
		}
		return c.manage(ctx, http.MethodPatch, path, map[string]string{"policyDocument": text}, nil)
	}
	var k accessKey
	if err := c.manage(ctx, http.MethodGet, path, nil, &k); err != nil {
		return err
	}
	if k.PolicyDocument == "" {
		fmt.Fprintln(stderr, "The key has no policy: it may do nothing.")
		return nil
	}
	_, err = fmt.Fprintln(stdout, k.PolicyDocument)
	return err
}

func keyActivate(ctx context.Context, args []string, _, stderr io.Writer) error {
	return changeKey("activate", args, stderr, func(c *client, path, _ string) error {
		return c.manage(ctx, http.MethodPatch, path, map[string]string{"status": "Active"}, nil)
	})
}

func keyDeactivate(ctx context.Context, args []string, _, stderr io.Writer) error {
	return changeKey("deactivate", args, stderr, func(c *client, path, _ string) error {
		return c.manage(ctx, http.MethodPatch, path, map[string]string{"status": "Inactive"}, nil)
	})
}

func keyDelete(ctx context.Context, args []string, _, stderr io.Writer) error {
	return changeKey("delete", args, stderr, func(c *client, path, id string) error {
		if err := c.manage(ctx, http.MethodDelete, path, nil, nil); err != nil {
			return err
		}
		c.forget(id)
		return nil
	})
}

// changeKey is a command that changes the key whose id is its only argument.
func changeKey(name string, args []string, stderr io.Writer, change func(c *client, path, id string) error) error {
	fs := flag.NewFlagSet("key "+name, flag.ContinueOnError)
	var c client
	c.flags(fs)
	words, err := parseWords(fs, "ID ", args, stderr, 1, 1)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	return change(&c, "keys/"+url.PathEscape(words[0]), words[0])
}
