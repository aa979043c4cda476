"""A stock gRPC client: grpcio, and messages generated from proto/ at run time. To be used in children only, since grpcio's
threads do not survive a fork."""
import fcntl
import os
import sys

from toynettest import ROOT, command


def generate(folder):
    """Generates the messages in folder and returns the path to import them from. Root has to have done it before another
    user calls this: the checkout may lie where only root gets to."""
    out = os.path.join(folder, "stubs")
    if os.getuid() == 0:
        os.makedirs(out, exist_ok=True)
        with open(os.path.join(out, ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(os.path.join(out, "toynet/v1/toynet_pb2.py")):
                command("protoc", "-I", os.path.join(ROOT, "proto"), f"--python_out={out}", "toynet/v1/toynet.proto")
    return out


def load(folder):
    """Returns (grpc, the messages' module)."""
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    sys.path.insert(0, generate(folder))
    import grpc
    from toynet.v1 import toynet_pb2

    return grpc, toynet_pb2


def call(channel, pb, service, method):
    """The callable of one method, unary or streaming as the .proto says."""
    descriptor = pb.DESCRIPTOR.services_by_name[service].methods_by_name[method]
    path = f"/toynet.v1.{service}/{method}"
    request = getattr(pb, descriptor.input_type.name)
    response = getattr(pb, descriptor.output_type.name)
    kind = channel.unary_stream if method in ("List", "Capture") else channel.unary_unary
    return kind(path, request_serializer=request.SerializeToString, response_deserializer=response.FromString)
