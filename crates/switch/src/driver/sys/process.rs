//! Numbers about the process and its surroundings.

use std::io;
use std::mem;

/// Bytes that are free for us on the file system of `path`.
pub fn disk_free_bytes(path: &std::path::Path) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all zeros is a valid value of the structure.
    let mut stat: libc::statvfs = unsafe { mem::zeroed() };
    // SAFETY: a terminated path and a live structure.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// User and system time of the whole process in milliseconds.
pub fn process_cpu_ms() -> u64 {
    // SAFETY: all zeros is a valid value of the structure.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: a live structure.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } != 0 {
        return 0;
    }
    let ms = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1000 + u64::try_from(time.tv_usec).unwrap_or(0) / 1000
    };
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

/// Minutes that the machine's time zone lies east of UTC at that time.
pub fn utc_offset_min(at: strowger_model::Wall) -> i32 {
    let seconds: libc::time_t = at.0.div_euclid(1000);
    // SAFETY: all zeros is a valid value of the structure.
    let mut local: libc::tm = unsafe { mem::zeroed() };
    // SAFETY: both point to live values; the result is null or the second one.
    if unsafe { libc::localtime_r(&raw const seconds, &raw mut local) }.is_null() {
        return 0;
    }
    i32::try_from(local.tm_gmtoff / 60).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_used_the_processor_and_the_disk_has_room() {
        assert!(disk_free_bytes(std::path::Path::new("/")).is_ok());
        assert!(process_cpu_ms() < 1_000_000_000);
    }
}
