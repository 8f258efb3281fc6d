//! mimalloc as the process's allocator. Its own wrapper asks for an alignment with every allocation, which takes twice as
//! long as asking for memory that is aligned as all of it is.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned};
use libmimalloc_sys::{mi_zalloc, mi_zalloc_aligned};

/// How all memory of mimalloc is aligned, in bytes: a block is never smaller, and begins at a multiple of it.
const ALWAYS: usize = size_of::<usize>();

/// The allocator.
pub struct Allocator;

// SAFETY: every function of mimalloc returns memory of at least the asked size, or null; without an asked alignment it
// is aligned to the size of a pointer. Whatever of them made a block, `mi_free` frees it and both kinds of
// reallocation take it.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALWAYS {
            unsafe { mi_malloc(layout.size()).cast() }
        } else {
            unsafe { mi_malloc_aligned(layout.size(), layout.align()).cast() }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALWAYS {
            unsafe { mi_zalloc(layout.size()).cast() }
        } else {
            unsafe { mi_zalloc_aligned(layout.size(), layout.align()).cast() }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        unsafe { mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= ALWAYS {
            unsafe { mi_realloc(block.cast(), size).cast() }
        } else {
            unsafe { mi_realloc_aligned(block.cast(), size, layout.align()).cast() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_every_size_are_aligned_and_keep_what_is_in_them() {
        let sizes = (1..=64).chain([100, 1_000, 1_024, 1_025, 9_000, 70_000, 3_000_000]);
        for (size, align) in sizes.flat_map(|size| [1, 2, 4, 8, 16, 32, 64, 4_096].map(|align| (size, align)))
        {
            let layout = Layout::from_size_align(size, align).unwrap();
            let larger = Layout::from_size_align(size * 3, align).unwrap();
            // SAFETY: the layouts are those of the blocks, and only their bytes are touched.
            unsafe {
                let (first, second) = (Allocator.alloc(layout), Allocator.alloc_zeroed(layout));
                assert!(first.addr().is_multiple_of(align) && second.addr().is_multiple_of(align));
                assert_eq!(*second.add(size - 1), 0, "{size} {align}");
                first.write_bytes(7, size);
                let first = Allocator.realloc(first, layout, size * 3);
                assert!(first.addr().is_multiple_of(align), "{size} {align}");
                assert!((0..size).all(|at| *first.add(at) == 7), "{size} {align}");
                Allocator.dealloc(first, larger);
                Allocator.dealloc(second, layout);
            }
        }
    }
}
