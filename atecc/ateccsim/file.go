package ateccsim

// Create and Open stand here until the file format is written.

func Create(path, passphrase string, o Options) (*Chip, error) { return New(o) }
func Open(path, passphrase string, o Options) (*Chip, error)   { return New(o) }
