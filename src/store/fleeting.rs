//! Whether an SQLite file lies where it will not last: in a container without a volume, or in memory. Without the store the next start
//! tells everything once more, so that is worth a warning.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::place::Place;

/// What to say to somebody whose store will be gone, if it will. Only Linux tells.
pub fn warning(url: &SecretString) -> Option<String> {
    let Ok(Place::Sqlite(path)) = Place::read(url.expose_secret()) else { return None };
    warn(&path, &std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

fn warn(path: &Path, mounts: &str) -> Option<String> {
    let folder = path.parent()?.display();
    // The later of two at one place hides the earlier.
    let (at, kind) = mounts.lines().filter_map(mount).filter(|(at, _)| path.starts_with(at)).max_by_key(|(at, _)| depth(at))?;
    match kind {
        "overlay" | "fuse.fuse-overlayfs" if at == Path::new("/") => Some(format!(
            "the store {} lies in the container itself and goes with it, and then everybody is told everything once more: \
             mount a volume on {folder}",
            path.display()
        )),
        "tmpfs" | "ramfs" => Some(format!(
            "the store {} lies in memory and goes with the next restart, and then everybody is told everything once more: \
             put it on a disk, in a container by mounting a volume on {folder}",
            path.display()
        )),
        _ => None,
    }
}

fn depth(at: &Path) -> usize {
    at.components().count()
}

/// Where something is mounted, and what kind it is: `36 35 98:0 /root /at rw,noatime master:1 - ext3 /dev/sda rw`.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let at = before.split(' ').nth(4)?;
    // As the kernel writes what would cut the line.
    let at = at.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    Some((at.into(), after.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    const CONTAINER: &str = "\
        614 509 0:55 / / ro,relatime - overlay overlay rw,lowerdir=/a:/b\n\
        615 614 0:58 / /proc rw,nosuid - proc proc rw\n\
        616 614 0:59 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k\n\
        617 614 254:1 /volumes/entrawatch /var/lib/entrawatch rw,relatime master:1 - ext4 /dev/vda1 rw\n\
        618 614 0:60 / /var/lib/in\\040memory rw - tmpfs tmpfs rw\n";

    fn warn(path: &str, mounts: &str) -> Option<String> {
        super::warn(Path::new(path), mounts)
    }

    #[test]
    fn a_store_in_the_container_itself_is_told() {
        let told = warn("/srv/entrawatch.db", CONTAINER).unwrap();
        assert!(told.contains("lies in the container itself") && told.ends_with("mount a volume on /srv"), "{told}");
    }

    #[test]
    fn a_store_in_memory_is_told() {
        let told = warn("/var/lib/in memory/entrawatch.db", CONTAINER).unwrap();
        assert!(told.contains("lies in memory"), "{told}");
    }

    #[test]
    fn a_store_on_a_volume_or_a_disk_is_nothing_to_tell() {
        assert_eq!(warn("/var/lib/entrawatch/entrawatch.db", CONTAINER), None);
        assert_eq!(warn("/srv/entrawatch.db", "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"), None);
        assert_eq!(warn("/srv/entrawatch.db", "not a mount\n"), None);
    }

    #[test]
    fn what_is_mounted_last_counts() {
        let twice =
            "1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /srv rw - tmpfs tmpfs rw\n3 1 0:3 / /srv rw - ext4 /dev/vdb rw\n";
        assert_eq!(warn("/srv/entrawatch.db", twice), None);
    }
}
