package attest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"understudy"
)

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// ownKey reads this installation's private key, or makes the pair. The private half
// is there before the public one, so a crash between them is mended by the next call.
func ownKey(dir string) (ed25519.PrivateKey, error) {
	privatePath, publicPath := filepath.Join(dir, "private.pem"), filepath.Join(dir, "public.pem")
	if !exists(privatePath) {
		if err := makePrivate(privatePath, publicPath); err != nil {
			return nil, err
		}
	}
	private, err := readPrivate(privatePath)
	if err != nil {
		return nil, err
	}
	public, err := publicPEM(private)
	if err != nil {
		return nil, err
	}
	if err := createWhole(publicPath, public, 0o644); err != nil {
		return nil, fmt.Errorf("writing the public key: %w", err)
	}
	found, err := os.ReadFile(publicPath)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	if !bytes.Equal(found, public) {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s is not the public half of %s", publicPath, privatePath).
			WithHint("if it belongs to another installation move it to %s, else remove it: it is written again from the private key",
				filepath.Join(dir, "trusted"))
	}
	return private, nil
}

// makePrivate makes a key, unless a public one lies there whose private half was lost.
// (Another process may have made both since the caller looked; the private one is
// always there first, so looking in the other order tells the two cases apart.)
func makePrivate(privatePath, publicPath string) error {
	if exists(publicPath) {
		if exists(privatePath) {
			return nil
		}
		return understudy.Errorf(understudy.KindInvalid, "%s is missing although %s is there", privatePath, publicPath).
			WithHint("bring it back from a backup; or move public.pem into %s, which keeps its verdicts valid, and start again with a new key",
				filepath.Join(filepath.Dir(publicPath), "trusted"))
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("making the signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("making the signing key: %w", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})
	if err := createWhole(privatePath, block, 0o600); err != nil {
		return fmt.Errorf("writing the signing key: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func publicPEM(private ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("writing the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), nil
}

func readPrivate(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "the signing key %s can be read by others (mode %04o)", path, info.Mode().Perm()).
			WithHint("if nobody can have copied it: chmod 600 %s", path)
	}
	der, err := readPEM(path, privateBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, isEd25519 := parsed.(ed25519.PrivateKey)
	if err != nil || !isEd25519 {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s is not an ed25519 key in PKCS #8 form", path)
	}
	return private, nil
}

// trustedKeys reads the public keys of other installations; a missing folder has none.
func trustedKeys(dir string) ([]key, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	if err != nil {
		return nil, fmt.Errorf("listing the trusted keys: %w", err)
	}
	var keys []key
	for _, path := range paths {
		der, err := readPEM(path, publicBlock)
		if err != nil {
			return nil, err
		}
		parsed, err := x509.ParsePKIXPublicKey(der)
		public, isEd25519 := parsed.(ed25519.PublicKey)
		if err != nil || !isEd25519 {
			return nil, understudy.Errorf(understudy.KindInvalid, "trusted key %s is not an ed25519 public key", path)
		}
		trusted, err := keyOf(public)
		if err != nil {
			return nil, err
		}
		keys = append(keys, trusted)
	}
	return keys, nil
}

func readPEM(path, blockType string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != blockType || len(bytes.TrimSpace(rest)) != 0 {
		return nil, understudy.Errorf(understudy.KindInvalid, "%s does not hold one PEM block of type %q and nothing else", path, blockType)
	}
	return block.Bytes, nil
}

// createWhole makes a file that is there whole or not at all, and leaves one that is
// there already as it is. Renaming would replace a key that another process just made;
// a link does not.
func createWhole(path string, content []byte, perm fs.FileMode) error {
	if exists(path) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-key-*")
	if err != nil {
		return err
	}
	_, writeErr := temp.Write(content)
	err = errors.Join(writeErr, temp.Chmod(perm), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Link(temp.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err := errors.Join(err, os.Remove(temp.Name())); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a new name in a folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
