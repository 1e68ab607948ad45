//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

var errLinux = errors.New("libthingward-pkcs11.so is for Linux; the other token commands, and package pkcs11, work here too")

func tokenHelper(context.Context, []string, io.Writer, io.Writer) error { return errLinux }
func tokenServe(context.Context, []string, io.Writer, io.Writer) error  { return errLinux }
