package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"understudy/internal/attest"
	"understudy/internal/config"
	"understudy/internal/evidence"
	"understudy/internal/journal"
	"understudy/internal/keyfile"
	"understudy/internal/notify"
	"understudy/internal/promotion"
	"understudy/internal/rehearsal"
	"understudy/internal/router"
	"understudy/internal/runtime/process"
	"understudy/internal/seal"
	"understudy/internal/statedir"
	"understudy/internal/store"
	"understudy/internal/systemd"
	"understudy/internal/twin"
)

// Options say which project a daemon serves and what it is made of.
type Options struct {
	Project    string // folder of understudy.yaml
	State      statedir.Dir
	Executable string // this program, to start supervisors and the router with
	Version    string
	Log        *slog.Logger
	Timing     rehearsal.Timing
}

// Daemon serves one project. Open makes it, Run runs it, Close gives everything back.
type Daemon struct {
	options    Options
	file       string // understudy.yaml
	lock       *os.File
	store      *store.Store
	journal    *journal.Journal
	wished     wishBook // of the journal, read once
	keys       *attest.Keyring
	evidence   evidence.Keeper
	runtime    *process.Runtime
	router     *router.Client
	frontDoor  frontDoor
	printKey   []byte
	maskKey    []byte
	bell       *bell
	news       *news
	postman    *notify.Postman
	stages     *stages
	fates      *stages // of deployments: who stops one, or starts it again, at this moment
	live       live
	rehearsals rehearsal.Engine
	promotions promotion.Engine
	studio     twin.Studio
	acts       acts
	life       context.Context // of Run; what goes on in the background ends with it
	started    time.Time
	notes      notes
	lastRead   lastRead
	trees      sync.Mutex // of putting artifacts in their place
	flagging   sync.Mutex // of changing flags
	measured   sync.Mutex // of keeping what was measured
	spread     spread     // of flags, over the deployments
	unkept     unkept     // flags that the store did not take
	shutdown   chan struct{}
	once       sync.Once
}

// Open takes the state directory and opens what is in it. It starts nothing.
func Open(ctx context.Context, options Options) (*Daemon, error) {
	file, err := config.Find(options.Project)
	if err != nil {
		return nil, err
	}
	if err := options.State.Make(); err != nil {
		return nil, err
	}
	d := &Daemon{options: options, file: file, started: time.Now(), shutdown: make(chan struct{}), bell: newBell(), stages: newStages(), fates: newStages()}
	d.news = &news{bell: d.bell}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.cast()
	return d, nil
}

func (d *Daemon) open(ctx context.Context) error {
	var err error
	if d.lock, err = takeLock(d.options.State.Below("daemon.lock")); err != nil {
		return err
	}
	service, _, err := systemd.Marked(d.options.State.Root)
	if err != nil {
		return err
	}
	d.frontDoor.service = service.Router
	if d.journal, err = journal.Open(d.options.State.Below("journal")); err != nil {
		d.cry(ctx, err)
		return err
	}
	if torn := d.journal.Torn(); torn != "" {
		d.notes.set("journal", "the journal's last line was half written and was set aside: "+torn)
	}
	if d.store, err = store.Open(ctx, "sqlite:"+d.options.State.Below("store.db")); err != nil {
		return err
	}
	if d.keys, err = attest.Keys(d.options.State.Below("keys", "attest")); err != nil {
		return err
	}
	if d.printKey, err = keyfile.Open(d.options.State.Below("keys", "print.key")); err != nil {
		return err
	}
	if d.maskKey, err = keyfile.Open(d.options.State.Below("keys", "mask.key")); err != nil {
		return err
	}
	if err := d.sweepTrees(); err != nil {
		return err
	}
	d.clearAllNext(ctx)
	d.evidence = evidence.Keep(d.options.State.Below("evidence"))
	d.router = &router.Client{Socket: d.options.State.RouterSocket()}
	d.runtime = &process.Runtime{
		Run: d.options.State.Deployments(), LogDir: d.options.State.Below("logs"),
		Supervisor: []string{d.options.Executable, "supervise"},
		Isolate:    func(cmd *exec.Cmd) error { return seal.Isolate(cmd) },
	}
	return nil
}

// cast hands out the roles.
func (d *Daemon) cast() {
	d.studio = twin.Studio{Observer: d, Copier: copier{d}, Shelf: shelf{d}, Now: time.Now, NewID: newID}
	d.rehearsals = rehearsal.Engine{
		House: house{d}, Records: records{d}, Notary: notary{d}, Recorder: recorder{d, "understudy"},
		Keeper: keeper{d}, Timing: d.options.Timing, Now: time.Now,
	}
	d.postman = &notify.Postman{
		Outbox: outbox{d}, Carrier: notify.Couriers{Secret: config.Secret}, Channels: d.channels, Tried: d.tried, Log: d.options.Log,
	}
	d.promotions = promotion.Engine{
		Records: records{d}, Archive: archive{d}, Consent: consent{d}, Production: production{d}, Deployments: deployments{d},
		Schema: schema{d}, Door: door{d}, Restorer: restorer{d}, Shutter: shutter{d}, Meter: gauge{d}, Recorder: recorder{d, "understudy"}, Clock: clock{},
	}
}

// Close gives back what Open took. What runs in environments goes on.
func (d *Daemon) Close() error {
	var all []error
	if d.store != nil {
		all = append(all, d.store.Close())
	}
	if d.journal != nil {
		all = append(all, d.journal.Close())
	}
	if d.lock != nil {
		all = append(all, giveLock(d.lock))
	}
	return errors.Join(all...)
}

// newID is twelve characters that sort roughly by time: seconds, then chance.
func newID() string {
	var chance [3]byte
	_, err := rand.Read(chance[:])
	if err != nil { // the system has no randomness: nothing that follows could be trusted
		panic(err)
	}
	return time.Now().UTC().Format("060102-150405-") + hex.EncodeToString(chance[:])
}
