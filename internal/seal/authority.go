package seal

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"understudy"
)

// authority is the twin's own certificate authority. Nobody but the twin's programs is
// told to trust it. Its folder holds ca.pem, ca-key.pem (0600) and bundle.pem, which is
// the machine's own roots and ca.pem.
type authority struct {
	folder string
	root   *x509.Certificate
	key    *ecdsa.PrivateKey

	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// Prepare makes the certificate authority in a folder if it is not there, and returns
// the environment that makes programs trust it. It may be called outside, at any time;
// many callers at once make one authority.
func Prepare(ctx context.Context, folder string) ([]string, error) {
	if _, err := openAuthority(ctx, folder); err != nil {
		return nil, err
	}
	return trust(folder), nil
}

// trust is the environment that makes programs trust an authority.
func trust(folder string) []string {
	bundle := filepath.Join(folder, "bundle.pem")
	var env []string
	for _, key := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
		"AWS_CA_BUNDLE", "PIP_CERT", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"} {
		env = append(env, key+"="+bundle)
	}
	return append(env, "NODE_EXTRA_CA_CERTS="+filepath.Join(folder, "ca.pem"), "DENO_CERT="+filepath.Join(folder, "ca.pem"))
}

func openAuthority(ctx context.Context, folder string) (*authority, error) {
	wrap := func(err error) *understudy.Error {
		return understudy.Errorf(understudy.KindInternal, "opening the twin's certificate authority in %s: %w", folder, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, wrap(err)
	}
	unlock, err := lockFolder(ctx, folder)
	if err != nil {
		return nil, wrap(err)
	}
	defer unlock()
	a := &authority{folder: folder, leaves: map[string]*tls.Certificate{}}
	err = a.load()
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(a.root.NotAfter) < 30*24*time.Hour {
		err = a.create()
	}
	if err != nil {
		return nil, wrap(err).WithHint("where its files are damaged, remove ca.pem and ca-key.pem there: they are made anew, and what runs on the twin gets the new ones when it is started")
	}
	if err := a.writeBundle(); err != nil {
		return nil, wrap(err)
	}
	return a, nil
}

func lockFolder(ctx context.Context, folder string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil // closing releases it
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (a *authority) load() error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.folder, "ca.pem"), filepath.Join(a.folder, "ca-key.pem"))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("its key is not of the kind that was made")
	}
	a.root, a.key = pair.Leaf, key
	return nil
}

func (a *authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Understudy twin: not for production", Organization: []string{"Understudy"}},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		NotAfter: time.Now().AddDate(2, 0, 0),
	}
	der, err := sign(root, root, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a certificate without its key would be trusted and useless.
	err = errors.Join(
		replace(filepath.Join(a.folder, "ca-key.pem"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600),
		replace(filepath.Join(a.folder, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	if err != nil {
		return err
	}
	return a.load()
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-24 * time.Hour) // clocks of programs may lag
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

// systemBundles is where systems keep their roots; the first that is there counts.
func systemBundles() []string {
	return []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}
}

func (a *authority) writeBundle() error {
	own, err := os.ReadFile(filepath.Join(a.folder, "ca.pem"))
	if err != nil {
		return err
	}
	var system []byte
	for _, path := range systemBundles() {
		if system, err = os.ReadFile(path); err == nil {
			break
		}
	}
	return replace(filepath.Join(a.folder, "bundle.pem"), append(append(system, '\n'), own...), 0o644)
}

// replace writes a file that is either the old one or the whole new one.
func replace(path string, content []byte, mode fs.FileMode) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// tlsConfig answers any name with a certificate for that name, and a call without a
// name with one for the address it was made to.
func (a *authority) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := hello.ServerName
		if name == "" {
			name = plainHost(hello.Conn.LocalAddr().String())
		}
		return a.leaf(name)
	}}
}

func (a *authority) leaf(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.leaves[name]; known != nil {
		return known, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotAfter:    time.Now().AddDate(0, 6, 0),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := sign(template, a.root, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	made := &tls.Certificate{Certificate: [][]byte{der, a.root.Raw}, PrivateKey: key}
	a.leaves[name] = made
	return made, nil
}
