//! The values of a pickle, its stack and its memo.

use std::collections::HashMap;

use super::globals::{Global, StorageKind};
use crate::error::{Code, Error, Result};

/// Operations before reading is given up.
pub const MAX_OPERATIONS: usize = 1_000_000;
/// Tensors in one checkpoint.
pub const MAX_TENSORS: usize = 20_000;
/// Bytes of a tensor's name.
pub const MAX_NAME: usize = 1024;
/// Arguments of a call: `_rebuild_tensor_v2` has seven.
pub const MAX_ARGUMENTS: usize = 8;

/// A tensor as the pickle describes it: a view of a storage, counted in numbers, not yet checked against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRecord {
    /// Type of the numbers.
    pub kind: StorageKind,
    /// Name of the storage.
    pub storage: String,
    /// Numbers in the storage.
    pub storage_count: u64,
    /// First number.
    pub offset: i64,
    /// Shape.
    pub shape: Vec<i64>,
    /// Steps along each side.
    pub strides: Vec<i64>,
}

/// The number of a value, in the order in which they were made.
pub type Id = u32;

#[derive(Debug)]
pub enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Global(Global),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Storage(Storage<'a>),
    Tensor(Box<TensorRecord>),
    /// A tensor that is not read, and what it is.
    OtherTensor(&'static str),
    /// A tensor that its attributes will give a storage.
    Unset,
    /// What a name outside the list made: whether it is a network (an `nn.Module`).
    Foreign {
        network: bool,
    },
    /// A plain value of which nothing is needed.
    Other,
}

/// A storage as the pickle names it.
#[derive(Debug, Clone, Copy)]
pub struct Storage<'a> {
    pub kind: StorageKind,
    pub name: &'a str,
    pub count: u64,
    /// Where in it this one begins: the old form has storages that are parts of others.
    pub begin: i64,
}

/// What a pickle has made so far.
pub struct Machine<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    /// Every value that was made.
    pub values: Vec<Value<'a>>,
    pub stack: Vec<Id>,
    pub marks: Vec<usize>,
    pub memo: HashMap<u32, Id>,
    /// Tensors that were made, those of an optimiser too.
    pub tensors: usize,
    pub storages: HashMap<&'a str, (StorageKind, u64)>,
    /// The first name outside the list.
    pub foreign: Option<Error>,
    /// Operations, and items that some of them looked through once more.
    pub steps: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            tensors: 0,
            storages: HashMap::new(),
            foreign: None,
            steps: 0,
        }
    }

    /// Counts work: an operation, or items that are looked through once more.
    pub(super) fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps += steps;
        if self.steps > MAX_OPERATIONS {
            return Err(self.wrong(format!("more than {MAX_OPERATIONS} operations")));
        }
        Ok(())
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(Code::Checkpoint, what).place(format!("pickle offset {}", self.at))
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or_else(|| self.wrong("the pickle is cut"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub(super) fn number(&mut self, bytes: u64) -> Result<u64> {
        let taken = self.take(bytes)?;
        let mut wide = [0u8; 8];
        wide[..taken.len()].copy_from_slice(taken);
        Ok(u64::from_le_bytes(wide))
    }

    pub(super) fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.wrong("the pickle is cut"))?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| self.wrong("a text that is not UTF-8"))
    }

    pub(super) fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        if let Value::Text(text) = self.value(id) { Some(text) } else { None }
    }

    /// The entries of a table whose keys are texts.
    pub(super) fn named<'m>(&'m self, entries: &'m [(Id, Id)]) -> impl Iterator<Item = (&'a str, &'m Value<'a>)> {
        entries.iter().filter_map(|&(key, value)| self.text(key).map(|key| (key, self.value(value))))
    }

    pub(super) fn make(&mut self, value: Value<'a>) {
        // As many as operations at most, which are fewer than 32 bits can count.
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    pub(super) fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let popped = if self.stack.len() > floor { self.stack.pop() } else { None };
        popped.ok_or_else(|| self.wrong("the pickle takes a value that is not there"))
    }

    pub(super) fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    pub(super) fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(|| self.wrong("the pickle changes a value that is not there"))
    }

    pub(super) fn memoize(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    pub(super) fn recall(&mut self, index: u32) -> Result<()> {
        let id = self.memo.get(&index).copied().ok_or_else(|| self.wrong(format!("no memo {index}")))?;
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err(self.wrong("a key without a value")) };
        let table = self.top()? as usize;
        match &mut self.values[table] {
            Value::Dict(entries) => entries.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Value::Foreign { .. } => {}
            _ => return Err(self.wrong("keys for something that is no table")),
        }
        Ok(())
    }

    pub(super) fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()? as usize;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            Value::Foreign { .. } => {}
            _ => return Err(self.wrong("items for something that is no list")),
        }
        Ok(())
    }

    /// Items of a set, of which none is needed.
    pub(super) fn add_items(&mut self) -> Result<()> {
        self.pop_mark()?;
        let set = self.top()?;
        match self.value(set) {
            Value::Other | Value::Foreign { .. } => Ok(()),
            _ => Err(self.wrong("items for something that is no set")),
        }
    }

    /// A whole number of so many bytes, the lowest first; one of more than 64 bits is a value of which nothing is
    /// needed.
    pub(super) fn whole_number(&mut self, length: u64) -> Result<()> {
        let digits = self.take(length)?;
        let negative = digits.last().is_some_and(|digit| digit & 0x80 != 0);
        let mut wide = if negative { [0xFF; 8] } else { [0; 8] };
        let value = if digits.len() <= 8 {
            wide[..digits.len()].copy_from_slice(digits);
            Value::Int(i64::from_le_bytes(wide))
        } else {
            Value::Other
        };
        self.make(value);
        Ok(())
    }

    /// A text of so many bytes; one that is none, as Python 2 has them, is a value of which nothing is needed.
    pub(super) fn words(&mut self, length: u64) -> Result<()> {
        let text = self.take(length)?;
        self.make(std::str::from_utf8(text).map_or(Value::Other, Value::Text));
        Ok(())
    }
}
