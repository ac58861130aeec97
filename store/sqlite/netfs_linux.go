package sqlite

import (
	"golang.org/x/sys/unix"
)

// network returns the name of the network file system that path is on, "" when it is on none that is known.
func network(path string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", err
	}
	return networkKind(int64(st.Type)), nil
}

// networkKind names the network file system that has the magic number (statfs(2), linux/magic.h), "" for others. FUSE is not among
// them: most of what comes through it is local.
func networkKind(magic int64) string {
	switch uint32(magic) {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFF534D42, 0xFE534D42:
		return "SMB"
	case 0x01021997:
		return "9p"
	case 0x5346414F, 0x6B414653:
		return "AFS"
	case 0x00C36400:
		return "Ceph"
	case 0x73757245:
		return "Coda"
	case 0x564C:
		return "NCP"
	case 0x0BD00BD0:
		return "Lustre"
	case 0x47504653:
		return "GPFS"
	case 0x01161970:
		return "GFS2"
	case 0x7461636F:
		return "OCFS2"
	}
	return ""
}
