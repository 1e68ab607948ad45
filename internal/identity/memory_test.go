package identity

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

var fleet = flag.Int("principals", 1000, "how many principals TestPrincipalsSharePolicies makes")

// Principals with the same policies share their compiled form, wherever they were read. What is left for each of them is what
// differs: the ids, the values of its certificate, and its place in the cache.
func TestPrincipalsSharePolicies(t *testing.T) {
	b := newBench(t)
	var names []string
	for i := range 3 {
		var statements []string
		for j := range 10 {
			statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"iot:Publish","Resource":"%s"}`, here.ARN(fmt.Sprintf("topic/area%d/${iot:ClientId}/%d/*", i, j))))
		}
		names = append(names, fmt.Sprint("p", i))
		_, err := b.CreatePolicy(t.Context(), here, names[i], `{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`)
		b.ok(err)
	}
	leaf := newLeaf(t, nil, "device")
	id := func(i int) string { return fmt.Sprintf("%064x", i) }
	const batch = 1000
	for first := 0; first < *fleet; first += batch {
		b.put(func(tx *store.Tx) error {
			for i := first; i < min(first+batch, *fleet); i++ {
				c := b.newCertificate(here, leaf.Certificate, store.Active)
				c.ID = id(i)
				if err := tx.CreateCertificate(c); err != nil {
					return err
				}
				for _, name := range names {
					if err := tx.AttachPolicy(here, name, c.ARN(), c.Created); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	sets := map[*policy.Set]int{}
	for i := range *fleet {
		p, err := b.Principal(t.Context(), here, id(i))
		b.ok(err)
		sets[p.Policies]++
	}
	each := (heap() - before) / int64(*fleet)
	t.Logf("%d principals with 3 policies of 10 statements: %d bytes each, %d compiled sets", *fleet, each, len(sets))
	if len(sets) != 1 {
		t.Errorf("%d principals have %d compiled forms of the same policies", *fleet, len(sets))
	}
	if each > 4096 {
		t.Errorf("a principal takes %d bytes", each)
	}
	runtime.KeepAlive(b)
}
