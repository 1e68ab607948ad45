// Garbage opens connections that no honest client opens, at a rate, to see what they cost the honest ones. See tools/hostile.
package main

import (
	"bytes"
	"crypto/rand"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/thingward/thingward/mqtt"
)

func main() {
	to := flag.String("to", "127.0.0.1:8883", "`address` of the server")
	rate := flag.Int("rate", 1000, "connections a `second`")
	duration := flag.Duration("duration", 10*time.Second, "how `long`")
	linger := flag.Duration("linger", time.Second, "how long a connection stays if the server lets it")
	flag.Parse()
	if flag.NArg() > 0 || *rate <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	words := kinds()
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(*rate))
	defer tick.Stop()
	n, failed := 0, 0
	for end := time.Now().Add(*duration); time.Now().Before(end); n++ {
		<-tick.C
		c, err := net.DialTimeout("tcp", *to, time.Second)
		if err != nil {
			failed++
			continue
		}
		all.Go(func() { throw(c, words[n%len(words)], *linger) })
	}
	all.Wait()
	fmt.Printf("%d connections, %d were not taken\n", n, failed)
}

// throw says the words and waits until the server closes or time is up. Errors are what one expects.
func throw(c net.Conn, words []byte, linger time.Duration) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(linger))
	c.Write(words)
	c.Read(make([]byte, 512))
}

// kinds returns what is said: nothing, noise, TLS that stops, MQTT that stops, and lengths that are lies.
func kinds() [][]byte {
	noise := make([]byte, 2000)
	rand.Read(noise)
	connect, _ := (&mqtt.Connect{ProtocolVersion: mqtt.V5, ClientID: "garbage", CleanStart: true}).Append(nil, mqtt.V5)
	return [][]byte{
		nil, noise, bytes.Repeat([]byte{0}, 500),
		{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, // half a ClientHello
		{0x16, 3, 1, 0xff, 0xff},
		connect[:len(connect)-1],
		{0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4, 'M', 'Q', 'T', 'T', 5},
		{0x30, 3, 0, 1, 'a'},
		[]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
	}
}
