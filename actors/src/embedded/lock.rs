//! Who owns a data folder: one process, by a lock that goes with it however it ends.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::OpenError;

const LOCK: &str = "tickler.lock";
const OWNER: &str = "owner";

/// The lock on a data folder, held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    dir: PathBuf,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(LOCK);
        let failed = |error| OpenError::Folder { dir: dir.to_owned(), error };
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Owned { file: path, address: address(dir) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // What a killed owner left must not be taken for this one's address.
        let _ = fs::remove_file(dir.join(OWNER));
        Ok(Self { file, dir: dir.to_owned() })
    }

    /// Leaves the address under which this process answers, for commands that find the folder owned.
    pub(super) fn announce(&self, address: &str) -> io::Result<()> {
        fs::write(self.dir.join(OWNER), address)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.dir.join(OWNER));
        let _ = self.file.unlock();
    }
}

/// The address that the owner of a folder has left, if any.
fn address(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(dir.join(OWNER)).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
