//! What is asked of a pickle: its tensors, or a list of texts, or a fact.

use std::collections::HashMap;

use super::super::choice::Choice;
use super::globals::StorageKind;
use super::machine::{Machine, TensorRecord, Value};
use super::tables;
use crate::error::Result;

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
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) with the offset of whatever is not part of a plain checkpoint, and if the chosen table
/// is not there or could be several.
pub(crate) fn describe(bytes: &[u8], choice: &Choice) -> Result<Described> {
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
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) if it is no such list.
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
/// [`Code::Checkpoint`](crate::error::Code::Checkpoint) if it is no such table.
pub(crate) fn little_endian(bytes: &[u8]) -> Result<(bool, usize)> {
    let mut machine = Machine::new(bytes);
    let result = machine.plain()?;
    let Value::Dict(facts) = machine.value(result) else { return Err(machine.wrong("no table about the machine")) };
    let little = machine.named(facts).find_map(|(key, value)| match value {
        Value::Bool(little) if key == "little_endian" => Some(*little),
        _ => None,
    });
    Ok((little.ok_or_else(|| machine.wrong("nothing about the order of bytes"))?, machine.at))
}

#[cfg(test)]
mod tests {
    use super::super::machine::{Id, MAX_OPERATIONS};
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
