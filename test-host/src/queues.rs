//! Shared queues: between filters, and between the workers of one.

use std::collections::VecDeque;

/// All queues of a process.
#[derive(Debug, Default)]
pub(crate) struct SharedQueues {
    queues: Vec<Queue>,
    /// What the roots have still to be told, oldest first.
    notices: VecDeque<Notice>,
}

#[derive(Debug)]
struct Queue {
    vm_id: Vec<u8>,
    name: Vec<u8>,
    items: VecDeque<Vec<u8>>,
    reader: Option<(usize, u32)>,
}

/// A queue has a new item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) worker: usize,
    pub(crate) root: u32,
    pub(crate) queue: u32,
}

/// There is no queue with this id.
pub(crate) struct NoQueue;

impl SharedQueues {
    /// Opens or makes a queue; its notices go to the one who registered last.
    pub(crate) fn register(&mut self, vm_id: &[u8], name: &[u8], reader: (usize, u32)) -> u32 {
        let known = self.resolve(vm_id, name);
        let id = known.unwrap_or_else(|| {
            self.queues.push(Queue {
                vm_id: vm_id.to_vec(),
                name: name.to_vec(),
                items: VecDeque::new(),
                reader: None,
            });
            self.queues.len() as u32
        });
        if let Ok(queue) = self.queue(id) {
            queue.reader = Some(reader);
        }
        id
    }

    /// Ids begin with 1.
    pub(crate) fn resolve(&self, vm_id: &[u8], name: &[u8]) -> Option<u32> {
        let mut queues = self.queues.iter();
        let index = queues.position(|queue| queue.vm_id == vm_id && queue.name == name)?;
        Some(index as u32 + 1)
    }

    pub(crate) fn enqueue(&mut self, id: u32, item: &[u8]) -> Result<(), NoQueue> {
        let queue = self.queue(id)?;
        queue.items.push_back(item.to_vec());
        if let Some((worker, root)) = queue.reader {
            self.notices.push_back(Notice {
                worker,
                root,
                queue: id,
            });
        }
        Ok(())
    }

    /// `None` when the queue is empty.
    pub(crate) fn dequeue(&mut self, id: u32) -> Result<Option<Vec<u8>>, NoQueue> {
        Ok(self.queue(id)?.items.pop_front())
    }

    pub(crate) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(crate) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    /// The bytes that are kept in all queues.
    pub(crate) fn bytes(&self) -> usize {
        let items = self.queues.iter().flat_map(|queue| &queue.items);
        items.map(Vec::len).sum()
    }

    fn queue(&mut self, id: u32) -> Result<&mut Queue, NoQueue> {
        let index = (id as usize).checked_sub(1).ok_or(NoQueue)?;
        self.queues.get_mut(index).ok_or(NoQueue)
    }
}
