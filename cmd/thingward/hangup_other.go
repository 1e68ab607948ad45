//go:build !unix

package main

// onHangup has no signal to wait for on this system.
func onHangup(func()) (stop func()) { return func() {} }
