package ateccsim

import (
	"encoding/binary"

	"github.com/thingward/thingward/atecc"
)

func validCounter(_ atecc.Model, cmd atecc.Command) bool {
	return cmd.Param1 <= 1 && cmd.Param2 <= 1 && len(cmd.Data) == 0
}

func (c *Chip) counter(cmd atecc.Command) ([]byte, error) {
	n := int(cmd.Param2)
	value := c.state.Config.Counter(n)
	if cmd.Param1 == 1 {
		if err := need(value < atecc.MaxCounter); err != nil {
			return nil, err
		}
		value++
		c.state.setCounter(n, value)
	}
	return binary.LittleEndian.AppendUint32(nil, value), nil
}

func validUpdateExtra(_ atecc.Model, cmd atecc.Command) bool {
	return cmd.Param1 <= 1 && cmd.Param2 <= 0xFF && len(cmd.Data) == 0
}

func (c *Chip) updateExtra(cmd atecc.Command) ([]byte, error) {
	if err := need(c.extraWritable(int(cmd.Param1))); err != nil {
		return nil, err
	}
	c.state.Config[84+int(cmd.Param1)] = byte(cmd.Param2)
	return nil, nil
}
