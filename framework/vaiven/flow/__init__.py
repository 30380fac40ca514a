"""Words to machine: a flow file in, a pure step function out."""
