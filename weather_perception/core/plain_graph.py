"""Accepts the graph of a model file only if it is plain: PyTorch's own operators, names, numbers and sizes.

PyTorch evaluates a graph's expressions as Python, looks its operators up by name anywhere in its package, and writes
its names into Python source. So each of them is held to a short list of allowed forms, and unknown ones are refused.
"""

import ast
import functools
import json
import re
from typing import Any

from weather_perception.core.contract import ContractError

_NAME = re.compile(r"([A-Za-z_]\w*(\.\w+)*)?", re.ASCII)
_SYMBOL = re.compile(r"[a-z]{1,8}\d{1,6}", re.ASCII)
_VERSION = re.compile(r"[\w.+<=-]{0,64}", re.ASCII)

# How PyTorch writes numbers that JSON has not.
_NUMBERS = {"Infinity", "-Infinity", "NaN"}

# Reads or writes files.
_REFUSED_OPERATORS = {"torch.ops.aten.from_file.default", "torch.ops.aten.from_file.out"}
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims)\.\w+\.\w+"
    r"|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|neg|pos|pow|and_|or_|xor|not_|eq|ne|lt|le|gt|ge|getitem)"
    r"|torch\.sym_(not|max|min|int|float|ite|sqrt|sum)"
    r"|math\.(ceil|floor|trunc|sqrt)",
    re.ASCII,
)

# Sympy's and PyTorch's functions of sizes, by the names with which PyTorch writes them.
_FUNCTIONS = {
    *("Integer", "Float", "Rational", "Add", "Mul", "Max", "Min", "Abs", "floor", "ceiling", "And", "Or", "Not"),
    *("Equality", "Unequality", "StrictLessThan", "LessThan", "StrictGreaterThan", "GreaterThan"),
    *("FloorDiv", "CleanDiv", "CeilDiv", "Mod", "PythonMod", "ModularIndexing", "Where", "Identity"),
    *("FloatTrueDiv", "IntTrueDiv", "CeilToInt", "FloorToInt", "RoundToInt", "TruncToInt", "TruncToFloat", "ToFloat"),
    *("Eq", "Ne", "Lt", "Le", "Gt", "Ge"),
}
_POWERS = {"Pow", "PowByNatural", "FloatPow", "LShift", "RShift"}
_CONSTANTS = {"true", "false", "oo"}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.UAdd)
_LARGEST, _LARGEST_EXPONENT, _LONGEST = 2**63, 16, 1 << 16

# Objects that only a pickle can restore, functions as arguments, and constant inputs.
_REFUSED_KEYS = {"as_custom_obj", "custom_obj", "as_operator", "constant_input", "class_fqn"}
_REFUSED_UNLESS_EMPTY = {"custom_obj_values", "treespec_namedtuple_fields", "guards_code"}


class UnsafeModelError(ContractError):
    """A model file holds something that could run code or fill the memory; the message names it."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}; it could run code or fill the memory: open only files that `python -m training.export` wrote"
        )


def plain_graph(graph: Any) -> Any:
    """The graph, as parsed JSON, without the comments of its operators (`metadata`); raises UnsafeModelError."""
    return _plain(graph, "", False)


def _plain(value: Any, key: str, in_node: bool) -> Any:
    """A checked copy of a value that belongs to `key`; text is allowed only `in_node`, where PyTorch quotes it."""
    if isinstance(value, dict):
        return {name: _item(name, item, in_node) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, key, in_node) for item in value]
    if isinstance(value, str):
        _check_text(key, value, in_node)
    return value


def _item(name: str, item: Any, in_node: bool) -> Any:
    if name == "metadata":
        return {}
    if name in _REFUSED_KEYS or (name in _REFUSED_UNLESS_EMPTY and item):
        raise UnsafeModelError(f"models/model.json: {name}: {_quoted(item)}: a model file has none")
    if name == "range_constraints" and not all(map(_SYMBOL.fullmatch, item)):
        raise UnsafeModelError(f"models/model.json: {name}: {_quoted(item)}: a key is no symbol")
    if not _NAME.fullmatch(name):
        raise UnsafeModelError(f"models/model.json: {_quoted(name)} is not a name")
    return _plain(item, name, name == "nodes" or (in_node and name != "graph"))


def _check_text(key: str, text: str, in_node: bool) -> None:
    if key == "expr_str":
        _check_expression(text)
    elif key == "target":
        if not _OPERATOR.fullmatch(text) or text in _REFUSED_OPERATORS:
            raise UnsafeModelError(f"models/model.json: operator {_quoted(text)} is not one of a model's")
    elif key in ("in_spec", "out_spec"):
        _check_tree(json.loads(text))
    elif key in ("as_string", "as_strings"):
        if not in_node:
            raise UnsafeModelError(f"models/model.json: {key}: {_quoted(text)} is text outside an operator")
    elif key in ("as_float", "as_floats"):
        if text not in _NUMBERS:
            raise UnsafeModelError(f"models/model.json: {key}: {_quoted(text)} is not a number")
    elif not (_VERSION if key == "torch_version" else _NAME).fullmatch(text):
        raise UnsafeModelError(f"models/model.json: {key}: {_quoted(text)} is not a name")


@functools.lru_cache(1024)  # most sizes are there many times
def _check_expression(text: str) -> None:
    """Raise UnsafeModelError unless the text is arithmetic over symbols and numbers, of bounded size."""
    try:
        if len(text) > _LONGEST or not _is_arithmetic(ast.parse(text, mode="eval").body):
            raise ValueError
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnsafeModelError(
            f"models/model.json: expression {_quoted(text)} is not plain arithmetic over symbols"
        ) from error


def _is_arithmetic(node: ast.AST, in_power: bool = False) -> bool:
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return abs(number) <= _LARGEST
        case ast.Name(id=name):
            return name in _CONSTANTS or _SYMBOL.fullmatch(name) is not None
        case ast.UnaryOp(op=op, operand=operand):
            return isinstance(op, _ARITHMETIC) and _is_arithmetic(operand, in_power)
        case ast.BinOp(left=left, op=op, right=right):
            return isinstance(op, _ARITHMETIC) and all(_is_arithmetic(side, in_power) for side in (left, right))
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str() as name)], keywords=facts):
            return _SYMBOL.fullmatch(name) is not None and all(_is_fact(fact) for fact in facts)
        case ast.Call(func=ast.Name(id="Float"), args=[ast.Constant(value=str() as digits)], keywords=facts):
            return re.fullmatch(r"[\d.e+-]{1,40}", digits) is not None and all(_is_fact(fact) for fact in facts)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return all(_is_arithmetic(part, in_power) for part in args)
        case ast.Call(func=ast.Name(id=name), args=[base, exponent], keywords=[]) if name in _POWERS and not in_power:
            return _is_small(exponent) and _is_arithmetic(base, in_power=True)  # a power of a power grows without bound
    return False


def _is_fact(keyword: ast.keyword) -> bool:
    """As in `positive=True` or `precision=53`."""
    value = keyword.value
    return keyword.arg is not None and isinstance(value, ast.Constant) and type(value.value) in (bool, int)


def _is_small(exponent: ast.AST) -> bool:
    match exponent:
        case ast.Constant(value=int() as number):
            return abs(number) <= _LARGEST_EXPONENT
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_small(operand)
        case ast.Call(func=ast.Name(id="Integer"), args=[number], keywords=[]):
            return _is_small(number)
    return False


def _check_tree(tree: Any) -> None:
    """Raise UnsafeModelError unless a tree of inputs or outputs is of tuples, lists and dictionaries alone."""
    version, waiting = tree[0], [tree[1]]
    plain = version == 1 and len(tree) == 2
    while plain and waiting:
        spec = waiting.pop()
        waiting += spec["children_spec"]
        plain = spec["type"] in (None, "builtins.tuple", "builtins.list", "builtins.dict")
        context = json.loads(spec["context"]) if spec["context"] else None
        plain &= context is None or all(isinstance(name, str) and _NAME.fullmatch(name) for name in context)
    if not plain:
        raise UnsafeModelError(f"models/model.json: {_quoted(tree)} is no tree of tuples, lists and dictionaries")


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
