//! The part of Python's pickle that a checkpoint needs, and nothing else. Globals are compared with a list of exact
//! names; nothing is ever called.
//!
//! A value is made once and known by its number from then on, to tables as to the memo. So no operation copies more
//! than numbers that it takes off the stack, texts stay where they are in the file, and the memory and the time that a
//! hostile pickle can ask for are bounded by its operations; the few that look through a value once more count as many
//! as it has items. What is copied at the end, or into a message, is bounded by itself.
//!
//! A name outside the list ends the reading. The rest is still gone through, so that the error can say which line of
//! Python saves what is needed of the file; what such a name would have made is a value that holds nothing.

mod globals;
mod tables;

use std::collections::HashMap;

pub use self::globals::StorageKind;
use self::globals::{Global, global};
use super::choice::Choice;
use crate::error::{Code, Error, Result};

/// Operations before reading is given up.
const MAX_OPERATIONS: usize = 1_000_000;
/// Tensors in one checkpoint.
pub const MAX_TENSORS: usize = 20_000;
/// Bytes of a tensor's name.
const MAX_NAME: usize = 1024;
/// Arguments of a call: `_rebuild_tensor_v2` has seven.
const MAX_ARGUMENTS: usize = 8;

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
type Id = u32;

#[derive(Debug)]
enum Value<'a> {
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
struct Storage<'a> {
    kind: StorageKind,
    name: &'a str,
    count: u64,
    /// Where in it this one begins: the old form has storages that are parts of others.
    begin: i64,
}

/// What a pickle of tensors says.
#[derive(Debug)]
pub struct Described {
    /// The tensors of the table that is meant, by the names that the network has for them.
    pub tensors: Vec<(String, TensorRecord)>,
    /// What there is to say about how they were found.
    pub remarks: Vec<String>,
    /// Every storage that the pickle names, those of other tables too: kind and count of its numbers.
    pub storages: HashMap<String, (StorageKind, u64)>,
    /// Bytes of the pickle.
    pub length: usize,
}

/// Reads the pickle at the beginning of `bytes`.
///
/// # Errors
/// [`Code::Checkpoint`] with the offset of whatever is not part of a plain checkpoint, and if the chosen table
/// is not there or could be several.
pub fn describe(bytes: &[u8], choice: &Choice) -> Result<Described> {
    let mut machine = Machine::new(bytes);
    let result = match (machine.run(), machine.foreign.take()) {
        (Ok(result), None) => result,
        (Ok(result), Some(error)) => return Err(machine.advise(error, Some(result), choice)),
        (Err(_), Some(error)) => return Err(machine.advise(error, None, choice)),
        (Err(error), None) => return Err(error),
    };
    let tables::Chosen { tensors, remarks } = machine.chosen(result, choice)?;
    let storages = machine.storages.iter().map(|(name, held)| (name.to_string(), *held)).collect();
    Ok(Described { tensors, remarks, storages, length: machine.at })
}

/// The texts of a pickled list, and the bytes that it takes: the names of the storages in the old form.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such list.
pub fn texts(bytes: &[u8]) -> Result<(Vec<&str>, usize)> {
    let mut machine = Machine::new(bytes);
    let result = machine.plain()?;
    let Value::List(items) = machine.value(result) else { return Err(machine.wrong("no list of storages")) };
    let texts: Option<Vec<&str>> = items.iter().map(|&item| machine.text(item)).collect();
    Ok((texts.ok_or_else(|| machine.wrong("a storage without a name"))?, machine.at))
}

/// What the old form says of the machine that wrote it: whether its numbers are little-endian; and the bytes that it takes.
///
/// # Errors
/// [`Code::Checkpoint`] if it is no such table.
pub fn little_endian(bytes: &[u8]) -> Result<(bool, usize)> {
    let mut machine = Machine::new(bytes);
    let result = machine.plain()?;
    let Value::Dict(facts) = machine.value(result) else { return Err(machine.wrong("no table about the machine")) };
    let little = machine.named(facts).find_map(|(key, value)| match value {
        Value::Bool(little) if key == "little_endian" => Some(*little),
        _ => None,
    });
    Ok((little.ok_or_else(|| machine.wrong("nothing about the order of bytes"))?, machine.at))
}

/// A text for a message, without control characters: of a long one the beginning.
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Every value that was made.
    values: Vec<Value<'a>>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Tensors that were made, those of an optimiser too.
    tensors: usize,
    storages: HashMap<&'a str, (StorageKind, u64)>,
    /// The first name outside the list.
    foreign: Option<Error>,
    /// Operations, and items that some of them looked through once more.
    steps: usize,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
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
    fn spend(&mut self, steps: usize) -> Result<()> {
        self.steps += steps;
        if self.steps > MAX_OPERATIONS {
            return Err(self.wrong(format!("more than {MAX_OPERATIONS} operations")));
        }
        Ok(())
    }

    /// The value of a pickle that asks for nothing outside the list.
    fn plain(&mut self) -> Result<Id> {
        let result = self.run();
        self.foreign.take().map_or(result, Err)
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(Code::Checkpoint, what).place(format!("pickle offset {}", self.at))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8]> {
        let end = usize::try_from(count).ok().and_then(|count| self.at.checked_add(count));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or_else(|| self.wrong("the pickle is cut"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, bytes: u64) -> Result<u64> {
        let taken = self.take(bytes)?;
        let mut wide = [0u8; 8];
        wide[..taken.len()].copy_from_slice(taken);
        Ok(u64::from_le_bytes(wide))
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.wrong("the pickle is cut"))?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| self.wrong("a text that is not UTF-8"))
    }

    fn value(&self, id: Id) -> &Value<'a> {
        &self.values[id as usize]
    }

    fn text(&self, id: Id) -> Option<&'a str> {
        if let Value::Text(text) = self.value(id) { Some(text) } else { None }
    }

    /// The entries of a table whose keys are texts.
    fn named<'m>(&'m self, entries: &'m [(Id, Id)]) -> impl Iterator<Item = (&'a str, &'m Value<'a>)> {
        entries.iter().filter_map(|&(key, value)| self.text(key).map(|key| (key, self.value(value))))
    }

    fn make(&mut self, value: Value<'a>) {
        // As many as operations at most, which are fewer than 32 bits can count.
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let popped = if self.stack.len() > floor { self.stack.pop() } else { None };
        popped.ok_or_else(|| self.wrong("the pickle takes a value that is not there"))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.wrong("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(|| self.wrong("the pickle changes a value that is not there"))
    }

    fn memoize(&mut self, index: u32) -> Result<()> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let id = self.memo.get(&index).copied().ok_or_else(|| self.wrong(format!("no memo {index}")))?;
        self.stack.push(id);
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<()> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err(self.wrong("a key without a value")) };
        let table = self.top()? as usize;
        match &mut self.values[table] {
            Value::Dict(entries) => entries.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Value::Foreign { .. } => {}
            _ => return Err(self.wrong("keys for something that is no table")),
        }
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()? as usize;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            Value::Foreign { .. } => {}
            _ => return Err(self.wrong("items for something that is no list")),
        }
        Ok(())
    }

    /// Items of a set, of which none is needed.
    fn add_items(&mut self) -> Result<()> {
        self.pop_mark()?;
        let set = self.top()?;
        match self.value(set) {
            Value::Other | Value::Foreign { .. } => Ok(()),
            _ => Err(self.wrong("items for something that is no set")),
        }
    }

    fn find_global(&mut self, module: &str, name: &str) {
        let value = match global(module, name) {
            Some(found) => Value::Global(found),
            None => {
                if self.foreign.is_none() {
                    let found = format!("asks for {}.{}", cut(module), cut(name));
                    let error = self.wrong(format!("{found}, which is no part of a plain checkpoint"));
                    self.foreign = Some(if is_of_the_system(module, name) {
                        error.hint("no network needs that to be read: have nothing else load this file, either")
                    } else {
                        error
                    });
                }
                Value::Foreign { network: false }
            }
        };
        self.make(value);
    }

    /// Attributes for the value on top: of a plain value none is needed.
    fn build(&mut self) -> Result<()> {
        let (state, made) = (self.pop()?, self.top()?);
        let built = match (self.value(made), self.value(state)) {
            (Value::Unset, Value::Tuple(state)) => {
                let state = state.clone();
                self.spend(state.len())?;
                self.tensor_of(&state)?
            }
            (Value::Foreign { .. }, Value::Dict(entries)) => {
                let network = self.named(entries).any(|(key, _)| key == "_modules");
                let count = entries.len();
                self.spend(count)?;
                Value::Foreign { network }
            }
            _ => return Ok(()),
        };
        self.values[made as usize] = built;
        Ok(())
    }

    /// Calls what stands below the arguments on the stack, by the list alone.
    fn reduce(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let value = match (self.value(callee), self.value(arguments)) {
            (Value::Foreign { .. }, _) => Value::Foreign { network: false },
            (Value::Global(callee), Value::Tuple(arguments)) => {
                if arguments.len() > MAX_ARGUMENTS {
                    return Err(self.wrong(format!("a call with {} arguments", arguments.len())));
                }
                let (callee, arguments) = (*callee, arguments.clone());
                self.call(callee, &arguments)?
            }
            _ => return Err(self.wrong("calls something that is no function of a plain checkpoint")),
        };
        self.make(value);
        Ok(())
    }

    fn call(&mut self, callee: Global, ids: &[Id]) -> Result<Value<'a>> {
        let arguments: Vec<&Value<'a>> = ids.iter().map(|&argument| self.value(argument)).collect();
        let not_understood = |machine: &Self| machine.wrong("a call whose arguments are not understood");
        match (callee, &arguments[..]) {
            (Global::Table, [] | [Value::Global(Global::TableType)]) | (Global::Counter, _) => {
                Ok(Value::Dict(Vec::new()))
            }
            // As Python 2 wrote it: the table of a list of pairs.
            (Global::Table, [Value::List(_)]) => self.table_of_pairs(ids[0]),
            (Global::Plain, _) => Ok(Value::Other),
            (Global::Size, [Value::Tuple(sides) | Value::List(sides)]) => {
                let sides = sides.clone();
                self.spend(sides.len())?;
                Ok(Value::Tuple(sides))
            }
            (Global::TensorType, []) => Ok(Value::Unset),
            (Global::RebuildTensor, [_, _, _, _, ..]) => self.tensor_of(ids),
            (Global::RebuildTyped, [storage, _, _, _, _, _, Value::Global(Global::NumberType(kind)), ..]) => {
                let (Value::Storage(storage), Some(kind)) = (storage, *kind) else {
                    self.count_tensor()?;
                    return Ok(Value::OtherTensor("a tensor of numbers that no network here has"));
                };
                let mut storage = *storage;
                if storage.kind == StorageKind::Untyped && storage.count % kind.bytes() == 0 {
                    (storage.kind, storage.count) = (kind, storage.count / kind.bytes());
                }
                self.tensor_in(storage, ids)
            }
            (Global::RebuildOther(what), _) => {
                self.count_tensor()?;
                Ok(Value::OtherTensor(what))
            }
            (Global::Parameter, [Value::Tensor(record), ..]) => {
                let record = record.clone();
                self.count_tensor()?;
                Ok(Value::Tensor(record))
            }
            (Global::Parameter, [Value::OtherTensor(what), ..]) => Ok(Value::OtherTensor(what)),
            (Global::RebuildFromType, [Value::Global(inner), _, Value::Tuple(arguments), ..]) => {
                if *inner == Global::RebuildFromType || arguments.len() > MAX_ARGUMENTS {
                    return Err(not_understood(self));
                }
                let (inner, arguments) = (*inner, arguments.clone());
                self.call(inner, &arguments)
            }
            _ if self.foreign.is_some() => Ok(Value::Foreign { network: false }),
            _ => Err(not_understood(self)),
        }
    }

    fn table_of_pairs(&mut self, list: Id) -> Result<Value<'a>> {
        let Value::List(pairs) = self.value(list) else {
            return Err(self.wrong("a table of something else than pairs"));
        };
        let mut entries = Vec::new();
        for &pair in pairs {
            let (Value::List(pair) | Value::Tuple(pair)) = self.value(pair) else {
                return Err(self.wrong("a table of something else than pairs"));
            };
            let [key, value] = pair[..] else { return Err(self.wrong("a table of something else than pairs")) };
            entries.push((key, value));
            // As many as the operations left at most, whatever the list is used for again.
            if entries.len() > MAX_OPERATIONS - self.steps {
                break;
            }
        }
        self.spend(entries.len())?;
        Ok(Value::Dict(entries))
    }

    fn count_tensor(&mut self) -> Result<()> {
        self.tensors += 1;
        if self.tensors > 4 * MAX_TENSORS {
            return Err(self.wrong(format!("more than {} tensors", 4 * MAX_TENSORS)));
        }
        Ok(())
    }

    /// A tensor of its storage, first number, shape and strides.
    fn tensor_of(&mut self, ids: &[Id]) -> Result<Value<'a>> {
        match ids.first().map(|&storage| self.value(storage)) {
            Some(&Value::Storage(storage)) => self.tensor_in(storage, ids),
            _ if self.foreign.is_some() => Ok(Value::Foreign { network: false }),
            _ => Err(self.wrong("a call whose arguments are not understood")),
        }
    }

    fn tensor_in(&mut self, storage: Storage<'a>, ids: &[Id]) -> Result<Value<'a>> {
        self.count_tensor()?;
        if !storage.kind.is_read() {
            return Ok(Value::OtherTensor("a tensor of complex or quantised numbers"));
        }
        let parts: Vec<&Value<'a>> = ids.iter().skip(1).take(3).map(|&part| self.value(part)).collect();
        let [Value::Int(offset), Value::Tuple(shape), Value::Tuple(strides)] = parts[..] else {
            return Err(self.wrong("a call whose arguments are not understood"));
        };
        let integers = |ids: &[Id]| -> Option<Vec<i64>> {
            let integer = |&id: &Id| if let Value::Int(number) = self.value(id) { Some(*number) } else { None };
            ids.iter().map(integer).collect()
        };
        let small = shape.len() == strides.len() && shape.len() <= 8;
        let sides = if small { integers(shape).zip(integers(strides)) } else { None };
        let offset = offset.checked_add(storage.begin);
        let (Some((shape, strides)), Some(offset)) = (sides, offset) else {
            return Err(self.wrong("a tensor whose shape is not understood"));
        };
        Ok(Value::Tensor(Box::new(TensorRecord {
            kind: storage.kind,
            storage: storage.name.to_string(),
            storage_count: storage.count,
            offset,
            shape,
            strides,
        })))
    }

    fn persistent(&mut self) -> Result<()> {
        let parts = self.pop()?;
        let not_understood = |machine: &Self| machine.wrong("a storage that is not understood");
        let Value::Tuple(parts) = self.value(parts) else { return Err(not_understood(self)) };
        let parts: Vec<&Value<'a>> = parts.iter().take(MAX_ARGUMENTS).map(|&part| self.value(part)).collect();
        let [
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            name,
            Value::Text(_),
            Value::Int(count),
            rest @ ..,
        ] = &parts[..]
        else {
            // The class of a network and its source, which the old form keeps of networks saved whole.
            if self.foreign.is_some() {
                self.make(Value::Foreign { network: false });
                return Ok(());
            }
            return Err(not_understood(self));
        };
        let Value::Text(name) = name else { return Err(not_understood(self)) };
        // The old form has one more: what part of another storage it is, which is nothing where it is its own.
        let begin = match rest {
            [] | [Value::None] => 0,
            [Value::Tuple(view)] => match view.get(1).map(|&begin| self.value(begin)) {
                Some(Value::Int(begin)) if view.len() == 3 => *begin,
                _ => return Err(not_understood(self)),
            },
            _ => return Err(not_understood(self)),
        };
        let plain = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (true, Ok(count)) = (plain, u64::try_from(*count)) else { return Err(not_understood(self)) };
        let storage = Storage { kind: *kind, name, count, begin };
        let held = (storage.kind, count);
        if *self.storages.entry(storage.name).or_insert(held) != held {
            return Err(self.wrong(format!("storage {} has two sizes or types", storage.name)));
        }
        if self.storages.len() > MAX_TENSORS {
            return Err(self.wrong(format!("more than {MAX_TENSORS} storages")));
        }
        self.make(Value::Storage(storage));
        Ok(())
    }

    /// A whole number of so many bytes, the lowest first; one of more than 64 bits is a value of which nothing is
    /// needed.
    fn whole_number(&mut self, length: u64) -> Result<()> {
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
    fn words(&mut self, length: u64) -> Result<()> {
        let text = self.take(length)?;
        self.make(std::str::from_utf8(text).map_or(Value::Other, Value::Text));
        Ok(())
    }

    fn run(&mut self) -> Result<Id> {
        loop {
            self.spend(1)?;
            let operation = self.take(1)?[0];
            match operation {
                0x80 => drop(self.take(1)?),                              // PROTO
                0x95 => drop(self.take(8)?),                              // FRAME
                b'(' => self.marks.push(self.stack.len()),                // MARK
                b'.' => return self.pop(),                                // STOP
                b'}' => self.make(Value::Dict(Vec::new())),               // EMPTY_DICT
                b']' => self.make(Value::List(Vec::new())),               // EMPTY_LIST
                b')' => self.make(Value::Tuple(Vec::new())),              // EMPTY_TUPLE
                b'N' => self.make(Value::None),                           // NONE
                0x88 | 0x89 => self.make(Value::Bool(operation == 0x88)), // NEWTRUE, NEWFALSE
                b'K' | b'M' => {
                    let number = self.number(if operation == b'K' { 1 } else { 2 })?; // BININT1, BININT2
                    self.make(Value::Int(number as i64));
                }
                b'J' => {
                    let number = self.number(4)? as u32 as i32; // BININT
                    self.make(Value::Int(i64::from(number)));
                }
                0x8a | 0x8b => {
                    let length = self.number(if operation == 0x8a { 1 } else { 4 })?; // LONG1, LONG4
                    self.whole_number(length)?;
                }
                b'G' => {
                    self.take(8)?; // BINFLOAT
                    self.make(Value::Other);
                }
                b'X' | b'T' | 0x8c | b'U' | 0x8d => {
                    // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8; BINSTRING and SHORT_BINSTRING of Python 2
                    let length = self.number(match operation {
                        b'X' | b'T' => 4,
                        0x8d => 8,
                        _ => 1,
                    })?;
                    self.words(length)?;
                }
                b'B' | b'C' | 0x8e | 0x96 => {
                    // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
                    let length = self.number(match operation {
                        b'B' => 4,
                        b'C' => 1,
                        _ => 8,
                    })?;
                    self.take(length)?;
                    self.make(Value::Other);
                }
                0x8f => self.make(Value::Other), // EMPTY_SET
                0x90 => self.add_items()?,       // ADDITEMS
                0x91 => {
                    self.pop_mark()?; // FROZENSET
                    self.make(Value::Other);
                }
                b'q' | b'r' => {
                    let index = self.number(if operation == b'q' { 1 } else { 4 })? as u32; // BINPUT, LONG_BINPUT
                    self.memoize(index)?;
                }
                0x94 => self.memoize(self.memo.len() as u32)?, // MEMOIZE
                b'h' | b'j' => {
                    let index = self.number(if operation == b'h' { 1 } else { 4 })? as u32; // BINGET, LONG_BINGET
                    self.recall(index)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?); // GLOBAL
                    self.find_global(module, name);
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?); // STACK_GLOBAL
                    let (Some(module), Some(name)) = (self.text(module), self.text(name)) else {
                        return Err(self.wrong("a global without a name"));
                    };
                    self.find_global(module, name);
                }
                b't' => {
                    let items = self.pop_mark()?; // TUPLE
                    self.make(Value::Tuple(items));
                }
                0x85..=0x87 => {
                    let mut items = Vec::with_capacity(3); // TUPLE1, TUPLE2, TUPLE3
                    for _ in 0..operation - 0x84 {
                        items.push(self.pop()?);
                    }
                    items.reverse();
                    self.make(Value::Tuple(items));
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?); // SETITEM
                    self.set_items(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?; // SETITEMS
                    self.set_items(&items)?;
                }
                b'a' => {
                    let item = self.pop()?; // APPEND
                    self.append(&[item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?; // APPENDS
                    self.append(&items)?;
                }
                b'R' | 0x81 => self.reduce()?, // REDUCE, NEWOBJ
                0x92 => {
                    self.pop()?; // NEWOBJ_EX: arguments by name are for names outside the list alone
                    self.reduce()?;
                }
                b'b' => self.build()?,          // BUILD: attributes such as _metadata
                b'Q' => self.persistent()?,     // BINPERSID
                b'0' => drop(self.pop()?),      // POP
                b'1' => drop(self.pop_mark()?), // POP_MARK
                b'2' => {
                    let top = self.top()?; // DUP
                    self.stack.push(top);
                }
                other => return Err(self.wrong(format!("operation 0x{other:02x} is no part of a plain checkpoint"))),
            }
        }
    }
}

/// Whether a name is one that checkpoints of networks never need, and harmful programs do.
fn is_of_the_system(module: &str, name: &str) -> bool {
    const MODULES: [&str; 13] = [
        "os",
        "posix",
        "nt",
        "sys",
        "subprocess",
        "shutil",
        "socket",
        "runpy",
        "pty",
        "ctypes",
        "importlib",
        "webbrowser",
        "commands",
    ];
    const BUILTINS: [&str; 9] =
        ["eval", "exec", "execfile", "compile", "open", "getattr", "setattr", "__import__", "apply"];
    let builtin = matches!(module, "builtins" | "__builtin__") && BUILTINS.contains(&name);
    builtin || MODULES.contains(&module.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(bytes: &[u8]) -> Result<Described> {
        super::describe(bytes, &Choice { file: "w.pth".into(), ..Choice::default() })
    }

    #[test]
    fn a_call_of_the_system_is_refused_by_name() {
        let error = describe(b"cos\nsystem\n(X\x02\x00\x00\x00lstR.").unwrap_err();
        assert!(error.to_string().contains("asks for os.system"), "{error}");
        assert!(error.to_string().contains("have nothing else load this file"), "{error}");
    }

    #[test]
    fn a_cut_pickle_is_refused() {
        assert!(describe(b"\x80\x02}q").unwrap_err().to_string().contains("cut"));
        assert!(describe(b"\x80\x02.").unwrap_err().to_string().contains("not there"));
    }

    /// One entry, the tensor `a` of two numbers.
    fn entry() -> Vec<u8> {
        let storage = b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x02tQ";
        let tensor = [b"ctorch._utils\n_rebuild_tensor_v2\n((", &storage[..], b"K\0K\x02\x85K\x01\x85tR"].concat();
        [&b"X\x01\0\0\0a"[..], &tensor].concat()
    }

    #[test]
    fn a_table_that_stands_in_two_places_is_one() {
        // {"ema": d, "model": d}, and what is put into d afterwards is in both.
        let bytes = [b"\x80\x02}(X\x03\0\0\0ema}q\x00", &entry()[..], b"sX\x05\0\0\0modelh\x00u."].concat();
        let found = describe(&bytes).unwrap();
        assert_eq!((found.tensors.len(), &found.tensors[0].1.shape), (1, &vec![2]));
        for table in ["ema", "model"] {
            let choice = Choice { table: Some(table.into()), ..Choice::default() };
            assert_eq!(super::describe(&bytes, &choice).unwrap().tensors.len(), 1, "{table}");
        }
    }

    #[test]
    fn deep_nesting_is_no_matter() {
        // Nothing follows values into values: a table of tensors beside something deep is read.
        let deep = [&b"X\x04\0\0\0deepN"[..], &[0x85; 100_000]].concat();
        let error = describe(&[b"\x80\x02}(", &deep[..], b"u."].concat()).unwrap_err();
        assert!(error.to_string().contains("no tensor; its keys are deep"), "{error}");
    }

    #[test]
    fn bad_input_77_what_python_2_wrote_is_read() {
        // OrderedDict([["a", tensor]]), a storage that is the part of another, and a tensor given its storage
        // afterwards.
        let part = b"X\x07\0\0\0storagectorch\nFloatStorage\nU\x010U\x03cpuK\x06(U\x011K\x02K\x02ttQ";
        let rebuild =
            [&b"ctorch._utils\n_rebuild_tensor\n(("[..], part, b"K\x01ctorch\nSize\nK\x02\x85\x85RK\x01\x85tR"]
                .concat();
        let later = [&b"ctorch\nFloatTensor\n)R(("[..], part, b"K\0K\x01\x85K\x01\x85tb"].concat();
        let pairs = [&b"](](U\x01a"[..], &rebuild, b"e](U\x01b", &later, b"ee"].concat();
        let bytes = [&b"\x80\x02ccollections\nOrderedDict\n"[..], &pairs, b"\x85R."].concat();
        let tensors = describe(&bytes).unwrap().tensors;
        let found: Vec<_> =
            tensors.iter().map(|(name, record)| (name.as_str(), record.offset, &record.shape[..])).collect();
        assert_eq!(found, [("a", 3, &[2][..]), ("b", 2, &[1])]);
        assert_eq!(tensors[0].1.storage_count, 6);
    }

    #[test]
    fn bad_input_78_a_whole_network_in_the_old_form_is_named() {
        // The class of each module stands in the pickle with its source.
        let module = b"(X\x06\0\0\0modulectorch.nn.modules.linear\nLinear\nX\x01\0\0\0fX\x01\0\0\0stQ)R}b.";
        let error = describe(&[&b"\x80\x02"[..], module].concat()).unwrap_err().to_string();
        assert!(error.contains("asks for torch.nn.modules.linear.Linear"), "{error}");
        assert!(
            error.contains("a whole network") && error.contains("torch.save(c.state_dict(), \"w.weights.pth\")"),
            "{error}"
        );
    }

    /// What a pickle takes: steps, values, bytes of what they hold; and how it ends.
    fn cost(bytes: &[u8]) -> (usize, usize, Result<()>) {
        let mut machine = Machine::new(bytes);
        let end = machine.plain().and_then(|root| machine.chosen(root, &Choice::default()).map(drop));
        let held = |value: &Value<'_>| match value {
            Value::Tuple(ids) | Value::List(ids) => ids.capacity() * size_of::<Id>(),
            Value::Dict(entries) => entries.capacity() * size_of::<(Id, Id)>(),
            Value::Tensor(record) => {
                size_of_val(&**record) + record.storage.capacity() + 8 * 2 * record.shape.capacity()
            }
            _ => 0,
        };
        let values = machine.values.capacity() * size_of::<Value<'_>>();
        let stacks = machine.stack.capacity() * size_of::<Id>() + machine.marks.capacity() * size_of::<usize>();
        let memo = machine.memo.capacity() * 2 * size_of::<(u32, Id)>();
        (machine.steps, values + stacks + memo + machine.values.iter().map(held).sum::<usize>(), end)
    }

    #[test]
    fn bad_input_41_no_pickle_takes_more_steps_or_bytes_than_its_operations() {
        let nested = |depth: usize| [&b"\x80\x02N"[..], &vec![0x85; depth], b"."].concat();
        let many = |item: &[u8], count: usize| [&b"\x80\x02]("[..], &item.repeat(count), b"e."].concat();
        let doubling = |times: usize| [&b"\x80\x02]q\x00"[..], &b"h\x00h\x00\x86q\x00".repeat(times), b"."].concat();
        // A long list, made into a table of pairs, a shape, or the attributes of an object, again and again.
        let list = [&b"\x80\x02](K\x01K\x02eq\x00]("[..], &b"h\x00".repeat(200_000), b"eq\x01"].concat();
        let tables = b"ccollections\nOrderedDict\nh\x01\x85R".repeat(20_000);
        let sizes = b"ctorch\nSize\nh\x01\x85R".repeat(20_000);
        let table = [&b"\x80\x02}("[..], &b"K\x01K\x02".repeat(200_000), b"uq\x01"].concat();
        let built = b"ca\nB\n)Rh\x01b".repeat(20_000);
        for (what, bytes, fits) in [
            ("doubling", doubling(60), true),
            ("doubling more", doubling(200_000), true),
            ("nested", nested(900_000), true),
            ("many", many(b"N", 1_200_000), false),
            ("lists", many(b"]", 1_200_000), false),
            ("memos", [&b"\x80\x02"[..], &b"Nq\x00".repeat(600_000), b"."].concat(), false),
            ("marks", [&b"\x80\x02"[..], &b"(".repeat(1_200_000), b"."].concat(), false),
            ("tables of pairs", [&list[..], &tables, b"."].concat(), false),
            ("sizes", [&list[..], &sizes, b"."].concat(), false),
            ("attributes", [&table[..], &built, b"."].concat(), false),
        ] {
            let (steps, bytes, end) = cost(&bytes);
            // The last operation may look through a list that is as long as all operations before it.
            assert!(steps <= 2 * MAX_OPERATIONS, "{what}: {steps} steps");
            assert!(bytes <= 200 << 20, "{what}: {bytes} bytes");
            let error = end.unwrap_err().to_string();
            assert_eq!(error.contains("no table of tensors"), fits, "{what}: {error}");
        }
        // 2^60 values, were they copied.
        let bytes = doubling(60);
        let mut machine = Machine::new(&bytes);
        machine.run().unwrap();
        assert_eq!(machine.values.len(), 61);
    }
}
