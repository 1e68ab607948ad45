package function

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/thingward/thingward"
)

// Limits of a zip file; the first two are AWS's.
const (
	maxZip      = 50 << 20  // bytes
	maxUnpacked = 250 << 20 // bytes, all files together
	maxFiles    = 20_000
)

// codeHash returns the CodeSha256 of a zip file.
func codeHash(zip []byte) string {
	sum := sha256.Sum256(zip)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A codeCache unpacks zip files, each once for as long as a pool uses it, into directories named after
// their SHA-256.
type codeCache struct {
	dir string

	mu      sync.Mutex
	entries map[string]*codeEntry // by CodeSha256
}

type codeEntry struct {
	users    int        // pools; guarded by the lock of the cache
	unpacked sync.Mutex // held while the directory is made
}

var leftover = regexp.MustCompile(`^([0-9a-f]{64}|unpack-.*)$`)

// newCodeCache makes dir, private to the server's user, and removes what an earlier process left in it.
func newCodeCache(dir string) (*codeCache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if leftover.MatchString(e.Name()) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return &codeCache{dir: dir, entries: map[string]*codeEntry{}}, nil
}

func (c *codeCache) path(hash string) string {
	sum, err := base64.StdEncoding.DecodeString(hash)
	if err != nil {
		panic(err) // hashes come from codeHash
	}
	return filepath.Join(c.dir, hex.EncodeToString(sum))
}

// retain keeps the directory of hash, once it is unpacked, until as many calls of release.
func (c *codeCache) retain(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[hash]
	if e == nil {
		e = &codeEntry{}
		c.entries[hash] = e
	}
	e.users++
}

func (c *codeCache) release(hash string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[hash]
	if e.users--; e.users > 0 {
		return
	}
	delete(c.entries, hash)
	os.RemoveAll(c.path(hash)) // what a dying process keeps from removal goes at the next start
}

// open returns the directory of hash, which the caller retains, after unpacking what load returns when it is
// not there yet.
func (c *codeCache) open(hash string, load func() ([]byte, error)) (string, error) {
	c.mu.Lock()
	e := c.entries[hash]
	c.mu.Unlock()
	e.unpacked.Lock()
	defer e.unpacked.Unlock()
	dir := c.path(hash)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	b, err := load()
	if err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(c.dir, "unpack-")
	if err != nil {
		return "", err
	}
	if err := unpack(b, work); err != nil {
		return "", errors.Join(fmt.Errorf("unpack code: %w", err), os.RemoveAll(work))
	}
	return dir, os.Rename(work, dir)
}

// checkZip refuses what unpack would refuse, as far as the zip's directory tells.
func checkZip(b []byte) error {
	if len(b) == 0 {
		return thingward.Errorf(InvalidParameterValue, "Uploaded file must be a non-empty zip")
	}
	if len(b) > maxZip {
		return thingward.Errorf(RequestTooLarge, "the zip file has %d bytes; %d are allowed", len(b), maxZip)
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return thingward.Errorf(InvalidParameterValue, "Could not unzip uploaded file. Please check your file, then try to upload again. (%v)", err)
	}
	if len(r.File) > maxFiles {
		return thingward.Errorf(InvalidParameterValue, "the zip file holds %d files; %d are allowed", len(r.File), maxFiles)
	}
	left := uint64(maxUnpacked)
	for _, f := range r.File {
		if _, err := fileName(f); err != nil {
			return thingward.Errorf(InvalidParameterValue, "the zip file holds %v", err)
		}
		if f.UncompressedSize64 > left {
			return thingward.Errorf(InvalidParameterValue, "Unzipped size must be smaller than %d bytes", maxUnpacked)
		}
		left -= f.UncompressedSize64
	}
	return nil
}

// fileName returns the path of f below the function's directory.
func fileName(f *zip.File) (string, error) {
	name := path.Clean(strings.ReplaceAll(f.Name, `\`, "/"))
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("the file %q, whose path leads out of the function's directory", f.Name)
	}
	switch f.Mode().Type() {
	case 0, fs.ModeDir, fs.ModeSymlink:
		return name, nil
	default:
		return "", fmt.Errorf("%q, which is neither file nor directory nor symbolic link", f.Name)
	}
}

// unpack writes the files of a zip file below dir. Nothing is ever written outside, whatever names and links
// the zip holds: all access goes through an os.Root.
func unpack(b []byte, dir string) error {
	if err := checkZip(b); err != nil {
		return err
	}
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxUnpacked)
	for _, f := range r.File {
		n, err := unpackFile(root, f, left)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		left -= n
	}
	return nil
}

// unpackFile writes one file of at most max bytes, whatever size the zip claims.
func unpackFile(root *os.Root, f *zip.File, max int64) (int64, error) {
	name, err := fileName(f)
	if err != nil {
		return 0, err
	}
	if f.Mode().IsDir() {
		return 0, root.MkdirAll(name, 0o700)
	}
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return 0, err
	}
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if f.Mode().Type() == fs.ModeSymlink {
		return link(root, name, in)
	}
	mode := fs.FileMode(0o600)
	if f.Mode()&0o111 != 0 || name == "bootstrap" {
		mode = 0o700
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, max+1))
	if err == nil && n > max {
		err = fmt.Errorf("more than %d bytes unpacked", maxUnpacked)
	}
	return n, errors.Join(err, out.Close())
}

// link makes a symbolic link that stays inside, as in node_modules/.bin.
func link(root *os.Root, name string, in io.Reader) (int64, error) {
	target, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return 0, err
	}
	to := string(target)
	if path.IsAbs(to) || !filepath.IsLocal(path.Join(path.Dir(name), to)) {
		return 0, fmt.Errorf("the link to %q leads out of the function's directory", to)
	}
	return int64(len(target)), root.Symlink(to, name)
}
