// Package identity knows device certificates and their CAs, policies and what they are attached to, accounts and
// access keys. It answers the question that both doors ask first: who is calling?
package identity

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

// Config is what a Service needs. Store, Bus and CA are required.
type Config struct {
	Store *store.DB
	Bus   *bus.Bus
	CA    *ca.Authority
	Log   *slog.Logger     // nil: none
	Now   func() time.Time // nil: time.Now

	// Publish sends the registration events, normally (*broker.Broker).Publish. Nil: nobody hears them.
	Publish func(context.Context, *thingward.Message) error
}

// A Service is the identity part of the server.
type Service struct{ c Config }

// New returns a Service. It subscribes to the bus; who subscribes later asks a Service that already knows
// of the change.
func New(c Config) *Service { return &Service{c} }

// Close ends the subscription.
func (s *Service) Close() {}

// A Client is a connection attempt, after the TLS handshake has proved possession of the leaf's key.
type Client struct {
	Chain      []*x509.Certificate // as presented; the leaf first
	ServerName string              // TLS SNI; empty: none sent
	ClientID   string              // MQTT client id; empty over HTTPS
}

// Authenticate decides who a client is. The error is a *Refusal, unless the server itself failed.
func (s *Service) Authenticate(ctx context.Context, c Client) (*thingward.Principal, error) {
	panic("stub")
}

// Principal returns the current principal of an ACTIVE certificate, for change notices and plain listeners.
// The error is a *Refusal when there is none.
func (s *Service) Principal(ctx context.Context, scope thingward.Scope, certificateID string) (*thingward.Principal, error) {
	panic("stub")
}

// A Reason is the kind of a Refusal, a stable word for logs and the journal.
type Reason string

const (
	NoCertificate       Reason = "NO_CERTIFICATE"
	UnknownCertificate  Reason = "UNKNOWN_CERTIFICATE" // no registered CA issued it either
	CAInactive          Reason = "CA_INACTIVE"
	AutoRegistrationOff Reason = "AUTO_REGISTRATION_OFF"
	BadAlgorithm        Reason = "BAD_ALGORITHM"
	BadSignature        Reason = "BAD_SIGNATURE" // names a registered CA as issuer, but was not signed by it
	PendingActivation   Reason = "PENDING_ACTIVATION"
	Registered          Reason = "REGISTERED" // just now, by this attempt; the certificate is PENDING_ACTIVATION
	PendingTransfer     Reason = "PENDING_TRANSFER"
	Inactive            Reason = "INACTIVE"
	Revoked             Reason = "REVOKED"
	Expired             Reason = "EXPIRED"
	NotYetValid         Reason = "NOT_YET_VALID"
	ServerNameMissing   Reason = "SERVER_NAME_MISSING" // SNI_ONLY certificate without SNI
	Ambiguous           Reason = "AMBIGUOUS_ACCOUNT"   // several accounts have it and SNI names none
)

// A Refusal says why a client is not let in.
type Refusal struct {
	Reason        Reason
	Scope         thingward.Scope // zero when no account is concerned
	CertificateID string
	CAID          string // the registered CA, when one is concerned
	Message       string // what is wrong and what to do, in words for the owner of the device
}

func (r *Refusal) Error() string { return r.Message }

// GetRegistrationCode returns the code that verification certificates must name; it is made on first use.
func (s *Service) GetRegistrationCode(ctx context.Context, scope thingward.Scope) (string, error) {
	panic("stub")
}

func (s *Service) DeleteRegistrationCode(ctx context.Context, scope thingward.Scope) error {
	panic("stub")
}

// A CARegistration is the input of RegisterCACertificate.
type CARegistration struct {
	PEM              string // caCertificate
	VerificationPEM  string // verificationCertificate
	Mode             string // store.ModeDefault or store.ModeSNIOnly; empty: default
	Active           bool   // setAsActive
	AutoRegistration bool   // allowAutoRegistration
}

func (s *Service) RegisterCACertificate(ctx context.Context, scope thingward.Scope, r CARegistration) (*store.CACertificate, error) {
	panic("stub")
}

func (s *Service) DescribeCACertificate(ctx context.Context, scope thingward.Scope, id string) (*store.CACertificate, error) {
	panic("stub")
}

// A CAUpdate is the input of UpdateCACertificate; empty members change nothing.
type CAUpdate struct {
	Status                 string // store.Active or store.Inactive
	AutoRegistration       string // store.AutoRegistrationEnable or -Disable
	RemoveAutoRegistration bool
}

func (s *Service) UpdateCACertificate(ctx context.Context, scope thingward.Scope, id string, u CAUpdate) error {
	panic("stub")
}

func (s *Service) ListCACertificates(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.CACertificate, next string, err error) {
	panic("stub")
}

func (s *Service) DeleteCACertificate(ctx context.Context, scope thingward.Scope, id string) error {
	panic("stub")
}

// CreateKeysAndCertificate makes a key pair and a certificate for it.
func (s *Service) CreateKeysAndCertificate(ctx context.Context, scope thingward.Scope, active bool) (*store.Certificate, *ca.KeyPair, error) {
	panic("stub")
}

func (s *Service) CreateCertificateFromCSR(ctx context.Context, scope thingward.Scope, csr string, active bool) (*store.Certificate, error) {
	panic("stub")
}

// A CertificateRegistration is the input of RegisterCertificate.
type CertificateRegistration struct {
	PEM    string // certificatePem
	CAPEM  string // caCertificatePem; needed only when several CAs share the subject
	Status string // empty: as Active says
	Active bool   // setAsActive, deprecated
}

func (s *Service) RegisterCertificate(ctx context.Context, scope thingward.Scope, r CertificateRegistration) (*store.Certificate, error) {
	panic("stub")
}

func (s *Service) DescribeCertificate(ctx context.Context, scope thingward.Scope, id string) (*store.Certificate, error) {
	panic("stub")
}

// UpdateCertificate changes the status.
func (s *Service) UpdateCertificate(ctx context.Context, scope thingward.Scope, id, status string) error {
	panic("stub")
}

func (s *Service) ListCertificates(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.Certificate, next string, err error) {
	panic("stub")
}

func (s *Service) ListCertificatesByCA(ctx context.Context, scope thingward.Scope, caID string, p store.Page) (list []*store.Certificate, next string, err error) {
	panic("stub")
}

func (s *Service) DeleteCertificate(ctx context.Context, scope thingward.Scope, id string, force bool) error {
	panic("stub")
}

func (s *Service) CreatePolicy(ctx context.Context, scope thingward.Scope, name, document string) (*store.Policy, error) {
	panic("stub")
}

func (s *Service) GetPolicy(ctx context.Context, scope thingward.Scope, name string) (*store.Policy, error) {
	panic("stub")
}

func (s *Service) ListPolicies(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.Policy, next string, err error) {
	panic("stub")
}

func (s *Service) DeletePolicy(ctx context.Context, scope thingward.Scope, name string) error {
	panic("stub")
}

// AttachPolicy attaches a policy to a target, the ARN of a certificate. It serves AttachPrincipalPolicy too.
func (s *Service) AttachPolicy(ctx context.Context, scope thingward.Scope, name, target string) error {
	panic("stub")
}

// DetachPolicy serves DetachPrincipalPolicy too.
func (s *Service) DetachPolicy(ctx context.Context, scope thingward.Scope, name, target string) error {
	panic("stub")
}

// ListAttachedPolicies lists the policies of a target. It serves ListPrincipalPolicies too.
func (s *Service) ListAttachedPolicies(ctx context.Context, scope thingward.Scope, target string, p store.Page) (list []*store.Policy, next string, err error) {
	panic("stub")
}

// ListTargetsForPolicy lists the ARNs of what a policy is attached to. It serves ListPolicyPrincipals too.
func (s *Service) ListTargetsForPolicy(ctx context.Context, scope thingward.Scope, name string, p store.Page) (targets []string, next string, err error) {
	panic("stub")
}

// A Bootstrap chooses the first account and access key; empty members are made up.
type Bootstrap struct {
	Account   string // 12 digits
	KeyID     string
	KeySecret string
}

// BootstrapAccount returns the access key of the first account. At the first start, when there is no account, it
// makes both. When the members are given and the account or key does not exist yet it is added.
func (s *Service) BootstrapAccount(ctx context.Context, b Bootstrap) (key *store.AccessKey, made bool, err error) {
	panic("stub")
}

// AccessKey returns what verifying a signature needs. It answers from memory after the first time. An unknown or
// inactive key is store.ErrNotFound.
func (s *Service) AccessKey(ctx context.Context, id string) (*store.AccessKey, error) {
	panic("stub")
}

// EndpointPrefix returns the first label of the host names of a scope, made on first use. A client whose server
// name is <prefix>.anything or <prefix>-ats.anything is looked up in that scope only.
func (s *Service) EndpointPrefix(ctx context.Context, scope thingward.Scope) (string, error) {
	panic("stub")
}
