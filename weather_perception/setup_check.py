"""Names mistakes of an integration that nothing else would: each is one look at the graph or the environment."""

from collections.abc import Collection

from rclpy.node import Node

from weather_perception import parameters, transport
from weather_perception.core.health import Finding, Level


def findings(node: Node, topics: Collection[str]) -> list[Finding]:
    """What is wrong around the node; `topics` are those that it uses, fully qualified."""
    found = parameters.unknown(node, topics)
    names = node.get_node_names_and_namespaces()
    same = sum(item == (node.get_name(), node.get_namespace()) for item in names)
    if same > 1:
        text = f"{same} nodes are called {node.get_fully_qualified_name()}: give each its own name or namespace"
        found.append(Finding(Level.WARN, text))
    if problem := transport.missing_profile():
        found.append(Finding(Level.WARN, problem))
    return found
